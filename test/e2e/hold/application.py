"""A little application: answers with its name, slowly on request, over plain and encrypted connections."""
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        if self.headers["Upgrade"]:
            return self.converse()
        seconds = float(urllib.parse.parse_qs(url.query).get("s", ["0"])[0])
        if url.path == "/download":
            self.send_response(200)
            self.send_header("Content-Length", str(int(seconds * 10) * 1000))
            self.end_headers()
            for _ in range(int(seconds * 10)):
                self.wfile.write(b"x" * 1000)
                time.sleep(0.1)
            return
        time.sleep(seconds)
        self.answer(0)

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        read = 0
        while read < left and (data := self.rfile.read1(min(65536, left - read))):
            read += len(data)
        self.answer(read)

    def converse(self):
        """Says back whatever it is told, until the other side has no more to say."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "echo")
        self.end_headers()
        while data := self.rfile.read1(65536):
            self.wfile.write(data)
        self.close_connection = True

    def answer(self, received):
        body = json.dumps({"name": os.environ["NAME"], "received": received}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


def main():
    time.sleep(float(os.environ.get("BOOT", "0")))
    for port in (80, 443, 5001):
        server = Server(("0.0.0.0", port), Handler)
        if port == 443:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain("/certificate.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(60)


sys.exit(main())
