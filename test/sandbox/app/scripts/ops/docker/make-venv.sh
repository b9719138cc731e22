#!/bin/sh
# A virtual environment over the packages of the base image, with the two commands that production calls.
set -eu
python3 -m venv --system-site-packages --without-pip /app/.venv
launcher() {
    printf '#!/app/.venv/bin/python\nimport sys\nfrom %s import %s as run\nsys.exit(run())\n' "$2" "$3" > "/app/.venv/bin/$1"
    chmod 755 "/app/.venv/bin/$1"
}
launcher flask flask.cli main
launcher gunicorn gunicorn.app.wsgiapp run
