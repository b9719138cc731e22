"""Has the application's programs stand still for a moment, all but nginx, which keeps who comes waiting; the engine's own health check goes on.

Orders come by stdin and answers go to stdout, one JSON object a line. Whoever gives them holds the other end of stdin: when that is closed,
the programs go on, and they do in any case after a time.
"""
import sys

# Requests that wait longer than this are better answered with an error.
MOST_SECONDS = 30
# For one that is in the middle of a system call.
STOPPING_SECONDS = 2


def look(pid):
    """State and parent of a process of this container; None for any other."""
    seen = process(pid) if is_here(pid) else None
    return seen and seen[:2]


def is_nginx(pid):
    return read(f"/proc/{pid}/cmdline", "rb").startswith(b"nginx:")


def programs():
    """The container's own, each with its state: neither what came in through exec, as this one did, nor what the kernel would not stop (1)."""
    there = {pid: seen for pid in pids() if (seen := look(pid))}

    def came_in(pid):
        while there[pid][1] in there:
            pid = there[pid][1]
        return pid == os.getpid() or (pid != 1 and there[pid][1] == 0)

    return {pid: state for pid, (state, _) in there.items() if pid != 1 and not came_in(pid) and not is_nginx(pid)}


def freeze():
    """@return how many stand still, and how many do not in time."""
    signal.alarm(MOST_SECONDS)
    end = time.monotonic() + STOPPING_SECONDS
    while True:
        now = {pid: state for pid, state in programs().items() if state not in "ZX"}
        moving = [pid for pid, state in now.items() if state not in "Tt"]
        if not moving or time.monotonic() > end:
            return {"frozen": len(now) - len(moving), "moving": len(moving)}
        for pid in moving:
            tell(pid, "STOP")
        time.sleep(0.002)


def thaw(*_):
    """@return how many stood still until now."""
    signal.alarm(0)
    frozen = [pid for pid, state in programs().items() if state == "T"]
    for pid in frozen:
        tell(pid, "CONT")
    return {"frozen": len(frozen), "moving": 0}


def main():
    signal.signal(signal.SIGALRM, thaw)
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(1))
    try:
        print(json.dumps({"ready": True}), flush=True)
        for line in iter(sys.stdin.readline, ""):
            print(json.dumps(freeze() if json.loads(line)["freeze"] else thaw()), flush=True)
    finally:
        thaw()


main()
