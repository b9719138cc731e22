"""The columns before the snapshot go."""

from alembic import op

revision = "20251230190000"
down_revision = "20251230183000"

COLUMNS = ("global_privileges", "database_privileges", "predefined_roles", "server_roles", "oracle_roles")


def upgrade():
    for column in COLUMNS:
        op.execute(f"ALTER TABLE account_permission DROP COLUMN {column}")


def downgrade():
    for column in COLUMNS:
        op.execute(f"ALTER TABLE account_permission ADD COLUMN {column} jsonb")
