#!/bin/sh
# Starts Redis, or Valkey, as the official image does: as its own user, and without the protected mode, in which a server
# without a password answers nobody but itself.
set -e

case "${1:-$SERVER-server}" in -* | *.conf) set -- "$SERVER-server" "$@" ;; esac
if [ "$1" = redis-server ] || [ "$1" = valkey-server ]; then
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . \! -user "$SERVER" -exec chown "$SERVER" '{}' +
        exec gosu "$SERVER" "$@"
    fi
fi
exec "$@"
