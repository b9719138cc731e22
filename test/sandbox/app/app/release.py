"""The switches of this release. Read once, so that running workers keep the behaviour they were started with."""

import json
import os
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DEFAULTS = {
    "marker": "unknown",       # tells releases apart in /api/v1/version
    "import_error": False,     # the package can't be imported
    "import_delay": 0,         # seconds that importing the package takes
    "factory_error": False,    # create_app raises
    "wsgi_error": False,       # only gunicorn's entry module raises
    "boot_delay": 0,           # seconds that a worker needs before it serves
    "boot_hang": False,        # a worker never gets to serve
    "error_500": False,        # every request is answered with 500
    "never_healthy": False,    # basic health is 503, everything else works
    "deep_unhealthy": False,   # deep health is 200 with status unhealthy, basic is fine
    "sick_when": "",           # deep health is unhealthy while there is this file
    "needs_column": "",        # this code's notes have a column that no migration makes
    "deep_path": "new",        # new: /api/v1/health, old: /api/v1/health/health, both
    "slow": 0,                 # seconds that every request takes
    "scheduler_error": False,  # the scheduler process can't start
    "exit_at_start": False,    # the container's entrypoint exits at once
    "exit_after": 0,           # the container exits by itself after so many seconds
    "build_error": False,      # the image can't be built
    "build_delay": 0,          # seconds that building takes longer
}


def read_release() -> dict:
    """The switches of release.json over the defaults."""
    path = ROOT / "release.json"
    return DEFAULTS | (json.loads(path.read_text("utf-8")) if path.exists() else {})


def commit() -> str:
    """The commit that this code was taken from, if whoever put it here left a note."""
    for name in (".commit", "BUILD_COMMIT"):
        if (ROOT / name).exists():
            return (ROOT / name).read_text("utf-8").strip()
    return os.environ.get("BUILD_HASH", "")


release = read_release()
booted_at = time.time()
