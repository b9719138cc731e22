"""`flask db upgrade`, which loads the application at once and migrates when it is told to, by a line on stdin. Told nothing, it changes nothing.

Before flask's own words stand the seconds that loading may take, and those that migrating may.
"""
import faulthandler
import os
import signal
import sys

from flask.cli import ScriptInfo, cli

to_load, to_migrate = int(sys.argv[1]), int(sys.argv[2])


class Waiting(ScriptInfo):
    told = False

    def load_app(self):
        app = super().load_app()
        if not self.told:
            faulthandler.cancel_dump_traceback_later()
            # Whoever is not there any more has closed it.
            if sys.stdin.readline() != "go\n":
                os._exit(0)
            self.told = True
            signal.alarm(to_migrate)  # ends it wherever it waits
        return app


faulthandler.dump_traceback_later(to_load, exit=True)  # says where it hangs
cli.main(args=sys.argv[3:], obj=Waiting(), prog_name="flask")
