#!/bin/sh
# Starts Redis as the official image does: as its own user, and without the protected mode, in which a server
# without a password answers nobody but itself.
set -e

case "${1:-redis-server}" in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ]; then
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis '{}' +
        exec gosu redis "$@"
    fi
fi
exec "$@"
