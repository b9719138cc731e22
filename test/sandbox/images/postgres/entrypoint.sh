#!/bin/bash
# Starts PostgreSQL as the official image does. Our own, so that nothing needs to be downloaded.
set -Eeuo pipefail

[ "${1:0:1}" != '-' ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec gosu postgres "$0" "$@"
fi

user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"
method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"

in_database() { psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password -U "$user" "$@"; }

run_init_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) in_database -d "$database" -f "$file" ;;
            *.sql.gz) gunzip -c "$file" | in_database -d "$database" ;;
        esac
    done
}

initialise() {
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
        echo "Error: the data directory is empty and POSTGRES_PASSWORD is not set." >&2
        exit 1
    fi
    # The arguments are meant to be split.
    # shellcheck disable=SC2086
    initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

    # On the socket only: nobody may come in from outside before the database is complete.
    shift
    set -- "$@" -c listen_addresses=
    pg_ctl -D "$PGDATA" -w -o "$(printf '%q ' "$@")" start
    if [ "$database" != postgres ]; then
        in_database -d postgres --set db="$database" <<< 'CREATE DATABASE :"db";'
    fi
    run_init_files
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo 'PostgreSQL init process complete; ready for start up.'
}

[ -s "$PGDATA/PG_VERSION" ] || initialise "$@"
exec "$@"
