"""What an account may do is read from its facts, so the two flags go."""

from alembic import op

revision = "20251231120000"
down_revision = "20251230211000"


def upgrade():
    op.execute("ALTER TABLE account_permission DROP COLUMN is_superuser")
    op.execute("ALTER TABLE account_permission DROP COLUMN is_locked")
    op.execute(
        "CREATE INDEX idx_account_permission_facts_capabilities "
        "ON account_permission USING gin ((permission_facts -> 'capabilities'))"
    )


def downgrade():
    op.execute("DROP INDEX idx_account_permission_facts_capabilities")
    op.execute("ALTER TABLE account_permission ADD COLUMN is_superuser boolean DEFAULT false")
    op.execute("ALTER TABLE account_permission ADD COLUMN is_locked boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX ix_account_permission_is_locked ON account_permission (is_locked)")
