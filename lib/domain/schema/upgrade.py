"""`flask db upgrade`, which loads the application at once, says so, and migrates when it is told to, by a line on stdin. Told nothing, it changes
nothing.

Before flask's own words stand what it says once it has loaded, and the seconds that loading may take, and those that migrating may.
"""
import faulthandler
import importlib
import os
import signal
import sys

from flask.cli import ScriptInfo, cli

loaded, to_load, to_migrate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.argv[:] = ["flask", *sys.argv[4:]]
# Nothing that the application starts is to read what it is told.
orders, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
os.dup2(nothing, 0)


# Before anything of the application's can change them.
OPTIONS, NAME = os.environ.get("PGOPTIONS", ""), os.environ.get("PGAPPNAME", "")


def insist():
    """libpq takes what an address or connect_args say before its environment: both are said there as well, and of options the last counts."""
    try:
        event, engine = importlib.import_module("sqlalchemy.event"), importlib.import_module("sqlalchemy.engine")
    except ImportError:
        return  # it connects in another way, and follows the environment

    def connecting(dialect, _record, _words, named):
        if dialect.driver.startswith("psycopg"):
            named["options"] = f"{named.get('options') or ''} {OPTIONS}".strip()
            named["application_name"] = NAME

    event.listen(engine.Engine, "do_connect", connecting)


class Waiting(ScriptInfo):
    told = False

    def load_app(self):
        app = super().load_app()
        if not self.told:
            faulthandler.cancel_dump_traceback_later()
            os.write(1, f"\n{loaded}\n".encode())
            # Whoever is not there any more has closed it.
            if os.read(orders, 100) != b"go\n":
                os._exit(1)
            self.told = True
            # Ends it wherever it waits.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(to_migrate)
        return app


insist()
faulthandler.dump_traceback_later(to_load, exit=True)  # says where it hangs
cli.main(args=sys.argv[1:], obj=Waiting(), prog_name="flask")
