"""A migration that holds its lock on notes for ten seconds."""

from alembic import op

revision = "20260601110000"
down_revision = "20251231120100"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN slowly integer")
    op.execute("SELECT pg_sleep(10)")


def downgrade():
    op.execute("ALTER TABLE notes DROP COLUMN slowly")
