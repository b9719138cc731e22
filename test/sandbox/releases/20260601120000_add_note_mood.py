"""The migration after that of the author: notes get a mood."""

from alembic import op

revision = "20260601120000"
down_revision = "20260601090000"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN mood varchar(20)")


def downgrade():
    op.execute("ALTER TABLE notes DROP COLUMN mood")
