"""Answers the application's door while its container is replaced: connections wait, and are then passed on byte for byte.

Orders come by stdin and answers go to stdout, one JSON object a line; the first order is the settings. Who gives them holds the other end
of stdin: when that is closed, whoever it was is gone, and what waits is passed on to where it was last said to go.
"""
import asyncio
import fcntl
import json
import re
import resource
import struct
import sys
import termios
import time

TLS_HANDSHAKE = 0x16  # type of the first record
HTTP = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ")
# Of the head of an answer.
INTERIM = re.compile(rb"HTTP/1\.1 1(?!01)")
BODILESS = re.compile(rb"HTTP/1\.[01] (204|304)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
LAST_CHUNK = b"0\r\n\r\n"
CHUNK = 65536
# Many that have waited must not all arrive at once: one process of nginx takes 768 connections, each request counts twice there, and some come by themselves.
ABREAST = 64
MOST_UNANSWERED = 256
# One that is not answered for so long is no boot that is waited for: a long poll.
LONG_POLL_SECONDS = 15
# For so long a connection counts as one that is to be answered first; an upload is answered at its end only.
FIRST_ANSWER_SECONDS = 1
RETRY_SECONDS = 0.1
# After a whole answer, a connection that says nothing for so long is one that is kept for the next request.
IDLE_SECONDS = 2
# Where nobody can tell whether an answer is whole: one that has no length, a websocket, all by TLS (RFC 8446, 4.6.1: a server speaks by itself).
UNCLEAR_IDLE_SECONDS = 15
# A connection that began before nobody was sent here any more may still be on its way: a few times the longest way around the world.
ARRIVAL_SECONDS = 2
# Without orders: longer than any rule leads here, and no longer than somebody could want to read on.
ORPHANED_SECONDS = 20
LONGEST_SECONDS = 120


class Answers:
    """Where the answers of a server end, as far as plain HTTP tells (RFC 9112, 6.3)."""

    def __init__(self, without_body=False):
        self.without_body = without_body  # to HEAD
        self.head = self.tail = b""
        self.left = None  # bytes of the body; infinite when only its end tells
        self.whole = False

    def read(self, data):
        if self.whole:  # the next one, of several that were asked for at once
            self.__init__(self.without_body)
        while self.left is None:
            self.head += data
            head, ended, data = self.head.partition(b"\r\n\r\n")
            if not ended and len(self.head) < CHUNK:
                return
            if INTERIM.match(head):
                self.head = b""
                continue
            self.head = head
            length = LENGTH.search(head)
            bodiless = self.without_body or BODILESS.match(head)
            self.left = 0 if bodiless else int(length[1]) if length else float("inf")
        self.left -= len(data)
        self.tail = (self.tail + data)[-len(LAST_CHUNK):]
        self.whole = self.left <= 0 or CHUNKED.search(self.head) is not None and self.tail == LAST_CHUNK


class Connection:
    def __init__(self, writer):
        self.began = self.heard = time.monotonic()
        self.writer = writer
        self.answered = False  # the last that passed was an answer
        self.answers = None  # to the last that was asked
        self.secure = False
        self.waits = True  # for its first answer

    def asks(self, data):
        if self.answers is None:
            self.secure = data[0] == TLS_HANDSHAKE
        if self.answers is None or self.answered:  # else the same request goes on
            self.answers = Answers(data.startswith(b"HEAD "))
        self.heard, self.answered = time.monotonic(), False

    def gets(self, data):
        if self.answers is not None and not self.secure:
            self.answers.read(data)
        self.heard, self.answered, self.waits = time.monotonic(), True, False

    def is_whole(self):
        return self.answers is not None and self.answers.whole

    def delivered(self):
        """Whoever asked has got all that was written: what is still on its way goes with the container."""
        transport = self.writer.transport
        if transport.is_closing():
            return True
        unsent = fcntl.ioctl(transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
        return transport.get_write_buffer_size() == 0 and struct.unpack("i", unsent)[0] == 0

    def owes(self):
        """Somebody waits for an answer, or for the rest of one; of what is secure, nobody knows of the rest."""
        return not self.answered or not (self.secure or self.is_whole())

    def is_idle(self):
        return self.answered and time.monotonic() - self.heard > (IDLE_SECONDS if self.is_whole() else UNCLEAR_IDLE_SECONDS)


class Doorman:
    def __init__(self, atMost, page, ports, to=None, most=None):
        self.at_most, self.page, self.ports = atMost, page, ports
        self.most = most  # connections of one port; None: as many as come
        self.count = dict.fromkeys(ports, 0)
        self.last = to  # where it leads when nobody says any more
        self.to = None
        self.open = asyncio.Event()
        self.shut = False
        self.abreast = asyncio.Semaphore(ABREAST)
        self.inside = asyncio.Semaphore(MOST_UNANSWERED)
        self.present = {}  # connections, and the tasks that serve them
        self.taken = self.turned_away = self.cut = 0
        self.longest = 0.0

    # Orders

    def lead(self, to):
        """Passes on what waits, and what comes."""
        self.to = self.last = to
        self.shut = False
        self.open.set()

    def close(self):
        """What waits, and what comes, gets the page."""
        self.to, self.shut = None, True
        self.open.set()

    def state(self):
        waiting = 0 if self.open.is_set() else len(self.present)
        return {"taken": self.taken, "open": len(self.present), "waiting": waiting, "turnedAway": self.turned_away,
                "cut": self.cut, "longest": self.longest}

    def unanswered(self):
        return sum(connection.waits for connection in self.present)

    async def finish(self, seconds, at_least=0):
        """
        Nobody is sent here any more: what is under way ends, and the doorman with it. As long as one after the other is answered, the rest
        is in a queue that moves: then so many seconds count from the last.
        """
        began = moved = time.monotonic()
        unanswered = self.unanswered()
        while time.monotonic() - moved < seconds and time.monotonic() - began < max(seconds, LONGEST_SECONDS):
            if self.unanswered() < unanswered:
                moved = time.monotonic()
            unanswered = self.unanswered()
            for connection, task in list(self.present.items()):
                if not connection.delivered():
                    connection.heard = time.monotonic()
                elif connection.is_idle():
                    self.cut += connection.owes()
                    del self.present[connection]
                    task.cancel()
            if not self.present and time.monotonic() - began >= at_least:
                break
            await asyncio.sleep(0.05)
        self.cut += sum(connection.owes() or not connection.delivered() for connection in self.present)

    # Connections

    async def take(self, port, reader, writer):
        connection = Connection(writer)
        self.present[connection] = asyncio.current_task()
        self.taken += 1
        self.count[port] += 1
        try:
            if self.most is not None and self.count[port] > self.most:
                await self.turn_away(reader, writer)
            else:
                await self.serve(connection, port, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side has gone, or it was idle
        finally:
            self.present.pop(connection, None)
            self.count[port] -= 1
            writer.close()

    async def serve(self, connection, port, reader, writer):
        deadline = connection.began + self.at_most
        try:
            await asyncio.wait_for(self.open.wait(), self.at_most)
        except asyncio.TimeoutError:
            return await self.turn_away(reader, writer)
        await self.inside.acquire()
        await self.abreast.acquire()
        step_aside, leave = once(self.abreast.release), once(self.inside.release)

        def free():
            step_aside()
            leave()

        try:
            inner = await self.reach(port, deadline)
            if reader.at_eof():  # nobody waits any more
                return inner and inner[1].close()
            self.longest = max(self.longest, time.monotonic() - connection.began)
            if inner is None:
                return await self.turn_away(reader, writer)
            loop = asyncio.get_running_loop()
            # One that has asked for nothing, such as a browser's spare connection, waits for no answer.
            loop.call_later(FIRST_ANSWER_SECONDS, lambda: step_aside() if connection.answers else free())
            loop.call_later(LONG_POLL_SECONDS, leave)
            await self.relay(connection, (reader, writer), inner, free)
        finally:
            free()

    async def reach(self, port, deadline):
        """A connection to where requests go now, tried until somebody listens there; None when it has been too long."""
        while not self.shut and time.monotonic() < deadline:
            try:
                await asyncio.wait_for(self.open.wait(), deadline - time.monotonic())
                if self.to is not None:
                    return await asyncio.wait_for(asyncio.open_connection(self.to, port), 5)
            except (OSError, asyncio.TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)
        return None

    async def relay(self, connection, outer, inner, free):
        async def pour(reader, writer, is_answer):
            while data := await reader.read(CHUNK):
                if is_answer:
                    connection.gets(data)
                    free()
                else:
                    connection.asks(data)
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

        ways = [asyncio.ensure_future(pour(outer[0], inner[1], False)), asyncio.ensure_future(pour(inner[0], outer[1], True))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            inner[1].close()

    async def turn_away(self, reader, writer):
        """A page for who speaks HTTP; nothing for who waits for TLS, or has said nothing."""
        self.turned_away += 1
        try:
            first = await asyncio.wait_for(reader.read(16), 1)
        except asyncio.TimeoutError:
            return
        if not HTTP.match(first):
            return
        body = self.page.encode()
        head = (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nRetry-After: 10\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        ).encode()
        writer.write(head if first.startswith(b"HEAD ") else head + body)
        await writer.drain()
        writer.write_eof()
        # To close on what was not read would take the answer away again.
        try:
            await asyncio.wait_for(swallow(reader), 2)
        except asyncio.TimeoutError:
            pass


async def swallow(reader):
    while await reader.read(CHUNK):
        pass


def once(deed):
    left = [deed]
    return lambda: left and left.pop()()


def say(**said):
    print(json.dumps(said), flush=True)


async def orders():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def listen(doorman, port):
    async def take(reader, writer):
        await doorman.take(port, reader, writer)

    await asyncio.start_server(take, "0.0.0.0", port, backlog=4096)


async def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    come = orders()
    doorman = Doorman(**await come.__anext__())
    for port in doorman.ports:
        await listen(doorman, port)
    say(ready=True)
    async for order in come:
        if "lead" in order:
            doorman.lead(order["lead"])
        elif "close" in order:
            doorman.close()
        elif "finish" in order:
            await doorman.finish(order["finish"], ARRIVAL_SECONDS)
            say(**doorman.state())
            return
        say(**doorman.state())
    if doorman.last is not None:
        doorman.lead(doorman.last)
    else:
        doorman.close()
    await doorman.finish(LONGEST_SECONDS, ORPHANED_SECONDS)


asyncio.run(main())
