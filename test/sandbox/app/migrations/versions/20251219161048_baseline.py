"""The tables that production had when migrations began, as far as the miniature needs them."""

from alembic import op

revision = "20251219161048"
down_revision = None

# Columns that later revisions drop again, one per kind of database that is watched.
LEGACY_PERMISSIONS = ("global_privileges", "database_privileges", "predefined_roles", "server_roles", "oracle_roles")

TABLES = f"""
CREATE TABLE users (
    id serial PRIMARY KEY,
    username varchar(255) NOT NULL UNIQUE,
    password varchar(255) NOT NULL,
    role varchar(50) NOT NULL DEFAULT 'user',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_login timestamptz,
    is_active boolean NOT NULL DEFAULT true
);
CREATE TABLE credentials (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    credential_type varchar(50) NOT NULL,
    username varchar(255) NOT NULL,
    password varchar(255) NOT NULL,
    instance_ids jsonb
);
CREATE TABLE instances (
    id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    db_type varchar(50) NOT NULL,
    credential_id integer REFERENCES credentials (id)
);
CREATE TABLE instance_accounts (
    id serial PRIMARY KEY,
    instance_id integer NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    username varchar(255) NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE account_permission (
    id serial PRIMARY KEY,
    instance_id integer NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    username varchar(255) NOT NULL,
    is_superuser boolean DEFAULT false,
    is_locked boolean NOT NULL DEFAULT false,
    {", ".join(f"{column} jsonb" for column in LEGACY_PERMISSIONS)}
);
CREATE INDEX ix_account_permission_is_locked ON account_permission (is_locked);
CREATE TABLE account_classifications (id serial PRIMARY KEY, name varchar(100) NOT NULL UNIQUE);
CREATE TABLE classification_rules (
    id serial PRIMARY KEY,
    classification_id integer NOT NULL REFERENCES account_classifications (id),
    rule_expression text NOT NULL
);
CREATE TABLE permission_configs (
    id serial PRIMARY KEY,
    db_type varchar(50) NOT NULL,
    category varchar(50) NOT NULL,
    permission_name varchar(255) NOT NULL,
    description text,
    is_active boolean NOT NULL DEFAULT true,
    sort_order integer NOT NULL DEFAULT 0,
    CONSTRAINT uq_permission_config UNIQUE (db_type, category, permission_name)
);
CREATE TABLE tags (
    id serial PRIMARY KEY,
    name varchar(50) NOT NULL UNIQUE,
    color varchar(20) NOT NULL DEFAULT 'primary'
);
CREATE TABLE sync_sessions (
    id serial PRIMARY KEY,
    session_id varchar(36) NOT NULL UNIQUE,
    status varchar(20) NOT NULL DEFAULT 'pending'
);
CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());

CREATE SEQUENCE database_size_stats_id_seq;
CREATE TABLE database_size_stats (
    id bigint NOT NULL DEFAULT nextval('database_size_stats_id_seq'),
    instance_id integer NOT NULL,
    database_name varchar(255) NOT NULL,
    size_mb bigint NOT NULL,
    collected_date date NOT NULL
) PARTITION BY RANGE (collected_date);
CREATE TABLE database_size_stats_default PARTITION OF database_size_stats DEFAULT;

CREATE SEQUENCE database_size_aggregations_id_seq;
CREATE TABLE database_size_aggregations (
    id bigint NOT NULL DEFAULT nextval('database_size_aggregations_id_seq'),
    instance_id integer NOT NULL,
    avg_size_mb bigint NOT NULL,
    period_start date NOT NULL,
    calculated_at timestamp NOT NULL DEFAULT now(),
    created_at timestamp NOT NULL DEFAULT now()
) PARTITION BY RANGE (period_start);
CREATE TABLE database_size_aggregations_default PARTITION OF database_size_aggregations DEFAULT;
CREATE TABLE instance_size_aggregations (
    id bigserial NOT NULL,
    instance_id integer NOT NULL,
    calculated_at timestamp NOT NULL DEFAULT now(),
    created_at timestamp NOT NULL DEFAULT now()
);
"""


def upgrade():
    op.execute(TABLES)


def downgrade():
    raise RuntimeError("there is nothing before the baseline")
