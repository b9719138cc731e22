"""The times of the aggregations get a time zone; the old ones were UTC."""

from alembic import op

revision = "20251224134000"
down_revision = "20251224120000"

TABLES = ("database_size_aggregations", "instance_size_aggregations")


def upgrade():
    _convert("timestamptz")


def downgrade():
    _convert("timestamp")


def _convert(new_type):
    for table in TABLES:
        for column in ("calculated_at", "created_at"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {new_type} USING {column} AT TIME ZONE 'UTC'")
