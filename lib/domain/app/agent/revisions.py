"""The chain of migrations of a release: its newest revisions, and whether it has a certain one. Alembic reads it, without the application."""
import sys

from alembic.script import ScriptDirectory
from alembic.util import CommandError


def main():
    sys.path.insert(0, ARGS["root"])  # a migration may import from the application
    scripts = ScriptDirectory(ARGS["directory"])
    try:
        known = ARGS["revision"] is not None and scripts.get_revision(ARGS["revision"]) is not None
    except CommandError:
        known = False
    print(json.dumps({"heads": scripts.get_heads(), "known": known}))


main()
