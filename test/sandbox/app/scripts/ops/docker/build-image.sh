#!/bin/sh
# Puts the repository's files to where the container's programs look for them.
set -eu
cd /app

# A release may break its own build, or make it slow.
switch() { grep -oP "\"$1\": *\K[^,} ]+" release.json 2>/dev/null || true; }
delay="$(switch build_delay)"
sleep "${delay:-0}"
if [ "$(switch build_error)" = true ]; then
    echo "release.json: build_error" >&2
    exit 1
fi

# Compiled by content, not by time stamp: a file that is replaced later is never served from the old bytecode.
python -m compileall -q --invalidation-mode checked-hash app migrations wsgi.py app.py

mkdir -p userdata/logs userdata/exports userdata/backups userdata/uploads /etc/nginx/templates
cp nginx/gunicorn/gunicorn-prod.conf.py gunicorn.conf.py
cp nginx/sites-available/whalefall-prod /etc/nginx/templates/whalefall-prod.template
cp nginx/error_pages/*.html /usr/share/nginx/html/
cp nginx/supervisor/whalefall-prod.conf /etc/supervisor/conf.d/whalefall.conf
rm -f /etc/nginx/sites-enabled/default
install -m 755 scripts/ops/docker/start-prod-services.sh /usr/local/bin/start-prod-services.sh
