"""gunicorn for the scheduler: exactly one worker, reachable inside the container only."""

bind = "127.0.0.1:5002"
workers = 1
worker_class = "sync"
timeout = 120
preload_app = False
accesslog = "/app/userdata/logs/gunicorn_scheduler_access.log"
errorlog = "/app/userdata/logs/gunicorn_scheduler_error.log"
loglevel = "info"
proc_name = "whalefall-scheduler"
worker_tmp_dir = "/dev/shm"
