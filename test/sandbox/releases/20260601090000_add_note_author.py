"""A migration that works: notes get an author."""

from alembic import op

revision = "20260601090000"
down_revision = "20251231120100"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN author varchar(100)")


def downgrade():
    op.execute("ALTER TABLE notes DROP COLUMN author")
