"""Sends requests, each on a connection of its own, until a line comes; then says how many there were, and how many were not answered."""
import socket
import sys
import threading
import time

PORT = int(sys.argv[1])
sent, lost = [], []
over = threading.Event()


def ask():
    while not over.is_set():
        sent.append(1)
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=30) as sock:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: sock.recv(4096), b""))
        except OSError:
            answer = b""
        if not answer.endswith(b"ok"):
            lost.append(1)
        time.sleep(0.02)


clients = [threading.Thread(target=ask) for _ in range(4)]
for client in clients:
    client.start()
print("asking", flush=True)
sys.stdin.readline()
over.set()
for client in clients:
    client.join()
print(len(sent), len(lost))
