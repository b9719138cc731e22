"""Since which major version does a permission exist?"""

from alembic import op

revision = "20251231120100"
down_revision = "20251231120000"


def upgrade():
    op.execute("ALTER TABLE permission_configs ADD COLUMN introduced_in_major varchar(20)")


def downgrade():
    op.execute("ALTER TABLE permission_configs DROP COLUMN introduced_in_major")
