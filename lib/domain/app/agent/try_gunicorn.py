"""gunicorn as its own program starts it, which writes down first what settings its configuration makes.

Two words stand before gunicorn's own: the file for them, and a JSON object of settings to go on with instead; with `null` it ends there.
"""
import json
import os
import sys

from gunicorn.app.wsgiapp import WSGIApplication

told, instead = sys.argv.pop(1), json.loads(sys.argv.pop(1))
gunicorn = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")
with open(told + ".part", "w") as file:
    file.write(str(gunicorn.cfg))
os.rename(told + ".part", told)
if instead is not None:
    for name, value in instead.items():
        if name in gunicorn.cfg.settings:  # older ones do not know each of them
            gunicorn.cfg.set(name, value)
    gunicorn.run()
