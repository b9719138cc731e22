"""Permissions on tablespaces are no longer told apart."""

from alembic import op

revision = "20251230211000"
down_revision = "20251230190000"


def upgrade():
    op.execute("DELETE FROM permission_configs WHERE category IN ('tablespace_privileges', 'tablespace_quotas')")


def downgrade():
    pass
