"""Answers after a moment, and a worker that takes connections as the threaded one of gunicorn 21 to 23 does."""
import time
from functools import partial
from selectors import EVENT_READ

from gunicorn.workers.gthread import TConn, ThreadWorker


class ReadsLater(ThreadWorker):
    def accept(self, server, listener):
        try:
            sock, client = listener.accept()
        except BlockingIOError:
            return
        conn = TConn(self.cfg, sock, client, server)
        self.nr_conns += 1
        with self._lock:
            self.poller.register(sock, EVENT_READ, partial(self.read, conn))

    def read(self, conn, sock):
        with self._lock:
            self.poller.unregister(sock)
        self.enqueue_req(conn)


def application(environ, start_response):
    time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
