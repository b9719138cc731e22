"""gunicorn as its own program starts it, which writes down first what settings its configuration makes.

Two words stand before gunicorn's own: the file for them, and a JSON object of settings to go on with instead; with `null` it ends there.
"""
import ast
import hashlib
import json
import os
import sys

from gunicorn.app.wsgiapp import WSGIApplication


def hooks(cfg):
    """A hash of what stands where the configuration's functions do, as they may call one another: gunicorn tells no more than their names."""
    values = [setting.value for setting in cfg.settings.values()]
    made = {getattr(value, "__module__", None) for value in values if callable(value)} - {"gunicorn.config"}
    if not made:
        return ""
    files = {getattr(sys.modules.get(name), "__file__", None) for name in made | {"__config__"}} - {None}
    trees = []
    for name in files:
        try:
            with open(name, "rb") as source:
                trees.append(ast.dump(ast.parse(source.read())))  # a comment is not in there
        except (OSError, SyntaxError, ValueError):
            pass  # no Python: it comes with the image, and is the same
    return hashlib.sha256("\n".join(sorted(trees)).encode()).hexdigest()


told, instead = sys.argv.pop(1), json.loads(sys.argv.pop(1))
gunicorn = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")
with open(told + ".part", "w") as file:
    file.write(f"{gunicorn.cfg}\nhooks = {hooks(gunicorn.cfg)}\n")
os.rename(told + ".part", told)
if instead is not None:
    for name, value in instead.items():
        if name in gunicorn.cfg.settings:  # older ones do not know each of them
            gunicorn.cfg.set(name, value)
    gunicorn.run()
