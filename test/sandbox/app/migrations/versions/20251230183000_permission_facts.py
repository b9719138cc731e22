"""Facts are drawn from the snapshot, which carries its own version."""

from alembic import op

revision = "20251230183000"
down_revision = "20251230180000"


def upgrade():
    op.execute("ALTER TABLE account_permission ADD COLUMN permission_facts jsonb")
    op.execute("ALTER TABLE account_permission DROP COLUMN permission_snapshot_version")


def downgrade():
    op.execute("ALTER TABLE account_permission ADD COLUMN permission_snapshot_version integer NOT NULL DEFAULT 4")
    op.execute("ALTER TABLE account_permission DROP COLUMN permission_facts")
