"""gunicorn's workers, telling their master to change them, and waiting for that.

A worker beats by touching an unlinked temporary file of its own (gunicorn/workers/workertmp.py); the file is made by the master
before the fork and first touched when the worker has loaded the application and begins to serve.
"""
import json
import os
import signal
import time

HZ = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """Parent and start in seconds since boot, or None when it is gone (or a zombie)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]) / HZ)


def booted(pid, start):
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            link = f"/proc/{pid}/fd/{fd}"
            if "/wgunicorn-" in os.readlink(link):
                beat = time.time() - os.stat(link).st_ctime
                age = time.clock_gettime(time.CLOCK_BOOTTIME) - start
                if beat < age - 0.05:
                    return True
    except OSError:
        pass
    return False


def workers(master):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            seen = stat(name)
            if seen and seen[0] == master:
                found.append({"pid": int(name), "start": seen[1], "booted": booted(name, seen[1])})
    return sorted(found, key=lambda w: w["start"])


def state():
    master = stat(ARGS["master"])
    return {"master": master[1] if master else None, "workers": workers(ARGS["master"]) if master else []}


def enough(now):
    """All that were there before are gone, or as many as asked for have booted since."""
    if now["master"] is None or now["master"] != ARGS.get("masterStart", now["master"]):
        return True
    old = set(ARGS.get("old", []))
    if "booted" in ARGS:
        return sum(w["booted"] for w in now["workers"] if w["pid"] not in old) >= ARGS["booted"]
    return not any(w["pid"] in old for w in now["workers"])


def tell():
    """Sends the master a signal, if asked to; one after the other: two that come at once may count as one."""
    name, times = ARGS.get("signal", ["", 0])
    for left in reversed(range(times)):
        try:
            os.kill(ARGS["master"], getattr(signal, f"SIG{name}"))
        except ProcessLookupError:
            return  # the answer shows it
        time.sleep(0.1 if left else 0)


def main():
    tell()
    end = time.monotonic() + ARGS.get("seconds", 0)
    while True:
        now = state()
        if enough(now) or time.monotonic() >= end:
            break
        time.sleep(0.05)
    now["uptime"] = time.clock_gettime(time.CLOCK_BOOTTIME)
    print(json.dumps(now))


main()
