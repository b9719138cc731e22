"""A session starts running, and only four states exist."""

from alembic import op

revision = "20251224152000"
down_revision = "20251224134000"


def upgrade():
    op.execute("UPDATE sync_sessions SET status = 'running' WHERE status = 'pending'")
    op.execute("ALTER TABLE sync_sessions ALTER COLUMN status SET DEFAULT 'running'")
    # A database without a stamp may be brought here twice.
    op.execute("ALTER TABLE sync_sessions DROP CONSTRAINT IF EXISTS sync_sessions_status_check")
    op.execute(
        "ALTER TABLE sync_sessions ADD CONSTRAINT sync_sessions_status_check "
        "CHECK (status IN ('running', 'completed', 'failed', 'cancelled'))"
    )


def downgrade():
    op.execute("ALTER TABLE sync_sessions DROP CONSTRAINT sync_sessions_status_check")
    op.execute("ALTER TABLE sync_sessions ALTER COLUMN status SET DEFAULT 'pending'")
