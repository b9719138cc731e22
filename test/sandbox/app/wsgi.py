"""What gunicorn loads, in every worker anew."""

import time

from app import create_app
from app.release import release

if release["wsgi_error"]:
    raise RuntimeError("release.json: wsgi_error")
if release["boot_hang"]:
    # Only here: a one-off container that merely creates the application finds nothing wrong.
    time.sleep(24 * 3600)
time.sleep(release["boot_delay"])

application = create_app(init_scheduler_on_start=True)
