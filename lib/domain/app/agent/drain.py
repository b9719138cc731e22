"""Lets what is under way in the application's container end, now that nobody new is sent there: nginx quits, and once nothing is connected
any more, programs that serve nobody from outside (the scheduler) are asked to end what they are at. Where they are only `restarted`, the rest
goes on: what is waited for are connections to the ports of those programs, which nginx makes.

Whoever has a container drained holds the other end of stdin until it has stopped: should that be closed before, all of it starts again.
"""
import select
import subprocess
import sys

# States of a connection in /proc/net/tcp in which a peer may still get or send something: established, being made, half closed, unsent data.
UNDER_WAY = {"01", "03", "04", "08", "09", "0B"}
# Of a socket that listens, the receive queue is that of connections.
LISTENS = "0A"
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STOPS = []


class Deserted(Exception):
    """Whoever wanted this is no more, or has thought better of it."""


def sockets():
    """Connections from elsewhere to one of the ports, and those that nobody has taken as yet."""
    count = queued = 0
    for fields in rows("tcp", "tcp6"):
        if last(fields[1]) not in ARGS["ports"]:
            continue
        if fields[3] == LISTENS:
            queued += last(fields[4])
        peer = fields[2].split(":")[0]
        loopback = peer.endswith("7F") and peer[:-8].strip("0") in ("", "FFFF") or peer == "0" * 24 + "01000000"
        count += fields[3] in UNDER_WAY and (ARGS["restarted"] or not loopback)
    return count, queued


def quit_nginx():
    """Not through supervisord: its way to stop a program may be the quick one. The master is known by the title that it gives itself."""
    for pid in pids():
        if is_here(pid) and read(f"/proc/{pid}/cmdline", "rb").startswith(b"nginx: master"):
            tell(pid, "QUIT")


def wait(until, over):
    while True:
        # Nothing is said after the first word: what can be read is the end.
        if not ARGS["restarted"] and select.select([sys.stdin], [], [], 0)[0]:
            raise Deserted
        if over():
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)


def begin_supervisorctl():
    """It takes longer to start than to be told something: so it starts before anybody waits, and takes its orders by line."""
    try:
        return subprocess.Popen(["supervisorctl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None


def stop(names, until, ready):
    """It waits for as long as supervisord's configuration says, and has them killed then."""
    if not names:
        return True
    going = ready
    if going and going.poll() is None:
        going.stdin.write(f"stop {' '.join(names)}\n")
        going.stdin.close()
    else:
        # One command: a run that is killed between a stop and a start would leave them stopped.
        verb = "restart" if ARGS["restarted"] else "stop"
        going = subprocess.Popen(["supervisorctl", verb, *names], **QUIET)
    STOPS.append(going)
    if not wait(max(until, time.monotonic() + ARGS["stopSeconds"]), lambda: going.poll() is not None):
        return False
    if going is not ready:
        return going.returncode == 0
    told = {line.split("supervisor> ")[-1] for line in going.stdout.read().splitlines()}
    return told.issuperset(f"{name}: stopped" for name in names)


def begin_log():
    """Has supervisord tell the end of its own log, if it does."""
    try:
        return subprocess.Popen(["supervisorctl", "maintail", "-100000"], **{**QUIET, "stdout": subprocess.PIPE})
    except OSError:
        return None


def said(log):
    try:
        return log.communicate(timeout=5)[0].decode("utf-8", "replace") if log else ""
    except subprocess.TimeoutExpired:
        log.kill()
        return ""


def killed(programs, before, after):
    """Names of those that had not ended in the time that they have: nobody but the log says so, in what it has got since."""
    known = before[-200:]
    since = after.partition(known)[2] if known and known in after else after
    return [p["name"] for p in programs if f"({p['pid']}) with SIGKILL" in since]


def drain(log, ready=None):
    until = time.monotonic() + ARGS["seconds"]
    # Whoever is in its queue when it quits is refused.
    wait(until, lambda: sockets()[1] == 0)
    if not ARGS["restarted"]:
        quit_nginx()
    drained = wait(until, lambda: sockets()[0] == 0)
    left = sockets()[0]
    before = said(log)
    stopping = time.monotonic()
    ended = stop([program["name"] for program in ARGS["stop"]], until, ready)
    # None is killed sooner: stopwaitsecs are whole ones.
    late = time.monotonic() - stopping >= 1
    cut = killed(ARGS["stop"], before, said(begin_log())) if late else []
    print(json.dumps({"drained": drained, "left": left, "ended": ended, "killed": cut}), flush=True)


def put_back():
    # Whatever is on its way to a stop can't be started.
    for going in STOPS:
        going.wait()
    # An nginx that quits is still there as long as anybody is connected, and takes nobody new.
    for verb, names in (("restart", ARGS["nginx"]), ("start", [program["name"] for program in ARGS["stop"]])):
        if names:
            subprocess.run(["supervisorctl", verb, *names], **QUIET)


def main():
    log = begin_log() if ARGS["stop"] else None  # it comes while others are waited for
    if ARGS["restarted"]:
        return drain(log)
    ready = begin_supervisorctl() if ARGS["stop"] else None
    print(json.dumps({"ready": True}), flush=True)
    try:
        if not sys.stdin.readline():
            return  # nothing has been done as yet
        try:
            drain(log, ready)
            sys.stdin.read()
        except Deserted:
            pass
        finally:
            put_back()
    finally:
        if ready:
            ready.stdin.close()  # it ends with its orders
            ready.wait()


main()
