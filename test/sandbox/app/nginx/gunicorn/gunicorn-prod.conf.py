"""gunicorn for web requests."""

import os

# Libraries only, never the application: forked workers inherit them, and still read the application's code anew.
import flask_sqlalchemy  # noqa: F401

bind = "0.0.0.0:5001"
workers = 2
worker_class = os.environ.get("GUNICORN_WORKER_CLASS", "gthread")
threads = 16
timeout = 120
graceful_timeout = 30
keepalive = 2
max_requests = 1000
max_requests_jitter = 50
preload_app = False
accesslog = "/app/userdata/logs/gunicorn_access.log"
errorlog = "/app/userdata/logs/gunicorn_error.log"
loglevel = "info"
proc_name = "whalefall"
worker_tmp_dir = "/dev/shm"


def post_worker_init(worker):
    """A threaded worker notices a signal only when its poll ends, up to a second later; this ends it at once."""
    if hasattr(worker, "poller"):
        import selectors

        worker.poller.register(worker.PIPE[0], selectors.EVENT_READ, lambda pipe: os.read(pipe, 4096))
