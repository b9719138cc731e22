"""Permissions are kept as one snapshot with a version."""

from alembic import op

revision = "20251230180000"
down_revision = "20251224164000"


def upgrade():
    op.execute("ALTER TABLE account_permission ADD COLUMN permission_snapshot jsonb")
    op.execute("ALTER TABLE account_permission ADD COLUMN permission_snapshot_version integer NOT NULL DEFAULT 4")


def downgrade():
    op.execute("ALTER TABLE account_permission DROP COLUMN permission_snapshot_version")
    op.execute("ALTER TABLE account_permission DROP COLUMN permission_snapshot")
