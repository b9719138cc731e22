#!/bin/bash
# The production container's entrypoint: prepare, then hand over to supervisord.
set -euo pipefail

# A release that can't even start; grep, because starting Python here would make every start slower.
switch() { grep -oP "\"$1\": *\K[^,} ]+" /app/release.json 2>/dev/null || true; }
if [ "$(switch exit_at_start)" = true ]; then
    echo "release.json: exit_at_start" >&2
    exit 1
fi

if [ -f /app/.env ]; then
    set -a
    # shellcheck disable=SC1091
    source /app/.env
    set +a
fi

mkdir -p /app/userdata/{logs,exports,backups,uploads} /var/log/nginx
rm -f /var/run/nginx.pid /var/run/supervisord.pid /var/run/supervisor.sock

if [ ! -s /app/frontend/dist/index.html ]; then
    echo "frontend/dist/index.html is missing: the image was built without the frontend" >&2
    exit 1
fi

export WHALEFALL_NGINX_SERVER_NAMES="${WHALEFALL_NGINX_SERVER_NAMES:-localhost}"
# Only this variable: nginx has its own that look the same.
envsubst '${WHALEFALL_NGINX_SERVER_NAMES}' \
    < /etc/nginx/templates/whalefall-prod.template > /etc/nginx/sites-available/whalefall
ln -sf /etc/nginx/sites-available/whalefall /etc/nginx/sites-enabled/whalefall
nginx -t -q

after="$(switch exit_after)"
if [ "${after:-0}" != 0 ]; then
    (sleep "$after"; kill -TERM 1) &
fi

# supervisord starts its programs at the first event that it sees, or else a second later: this is that event.
(
    until [ -S /var/run/supervisor.sock ]; do sleep 0.02; done
    curl -s -o /dev/null --max-time 2 --unix-socket /var/run/supervisor.sock http://localhost/
) &

exec supervisord -c /etc/supervisor/supervisord.conf
