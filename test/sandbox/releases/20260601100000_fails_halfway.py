"""A migration that fails after it has changed something. The transaction must take that back."""

from alembic import op

revision = "20260601100000"
down_revision = "20251231120100"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN halfway integer")
    op.execute("DELETE FROM notes")
    op.execute("ALTER TABLE no_such_table ADD COLUMN halfway integer")


def downgrade():
    pass
