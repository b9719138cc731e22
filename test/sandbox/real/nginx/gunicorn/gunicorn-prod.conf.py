"""gunicorn for web requests: both workers leave after about the same number of requests, as in production."""

bind = "0.0.0.0:5001"
workers = 2
worker_class = "gevent"
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
