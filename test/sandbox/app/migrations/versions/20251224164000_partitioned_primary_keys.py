"""The partitioned tables get primary keys; those must contain the partition key."""

from alembic import op

revision = "20251224164000"
down_revision = "20251224152000"

KEYS = {"database_size_stats": "collected_date", "database_size_aggregations": "period_start"}


def upgrade():
    for table, column in KEYS.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, {column})")


def downgrade():
    for table in KEYS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
