"""gunicorn as its own program starts it, which writes down first what settings its configuration makes.

Two words stand before gunicorn's own: the file for them, and a JSON object of `settings` to go on with instead, by the release that is staged in
`tree` and not by what lies in `root`; with `null` it ends there.
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


def stay_in(tree, root, gunicorn):
    """Whatever names the application's root (chdir, pythonpath, PYTHONPATH, a .pth file) would have the code loaded that runs already."""

    def staged(path):
        below = os.path.relpath(path or ".", root)
        if not os.path.isabs(path) or below.split(os.sep)[0] == os.pardir or (path + os.sep).startswith(tree + os.sep):
            return path
        # What no release touches, such as .venv, is a link there, and stays where it is.
        return os.path.realpath(os.path.join(tree, below))

    sys.path[:] = map(staged, sys.path)
    gunicorn.cfg.set("chdir", staged(gunicorn.cfg.chdir))
    gunicorn.chdir()
    # It follows this one when it starts, and not where it only loads.
    for path in filter(None, (gunicorn.cfg.pythonpath or "").split(",")):
        sys.path.insert(0, os.path.abspath(staged(path)))
    gunicorn.cfg.set("pythonpath", None)


told, trial = sys.argv.pop(1), json.loads(sys.argv.pop(1))
gunicorn = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")
with open(told + ".part", "w") as file:
    file.write(f"{gunicorn.cfg}\nhooks = {hooks(gunicorn.cfg)}\n")
os.rename(told + ".part", told)
if trial is not None:
    stay_in(trial["tree"], trial["root"], gunicorn)
    for name, value in trial["settings"].items():
        if name in gunicorn.cfg.settings:  # older ones do not know each of them
            gunicorn.cfg.set(name, value)
    # Where the workers are another user, it is they who load the application, unless gunicorn does before there are any.
    if trial["settings"].get("check_config") and not gunicorn.cfg.preload_app and gunicorn.cfg.uid != os.geteuid():
        from gunicorn.util import set_owner_process

        set_owner_process(gunicorn.cfg.uid, gunicorn.cfg.gid, initgroups=gunicorn.cfg.initgroups)
    gunicorn.run()
