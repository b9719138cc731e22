"""gunicorn's workers, telling their master to change them, and waiting for that.

A worker beats by touching an unlinked temporary file of its own (gunicorn/workers/workertmp.py); the file is made by the master
before the fork, first touched when the worker has loaded the application and begins to serve, and closed when it has served its last
request: after max_requests it may still be there for seconds, while the master waits for it with making another.
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


def condition(pid, start):
    """booting, serving, or leaving: without a file to beat with it serves nobody any more."""
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            link = f"/proc/{pid}/fd/{fd}"
            if "/wgunicorn-" in os.readlink(link):
                beat = time.time() - os.stat(link).st_ctime
                return "serving" if beat < age(start) - 0.05 else "booting"
    except OSError:
        pass  # it ended while we looked
    return "leaving"


def age(start):
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start


def workers(master):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            seen = stat(name)
            if seen and seen[0] == master:
                found.append({"pid": int(name), "start": seen[1], "state": condition(name, seen[1])})
    return sorted(found, key=lambda w: w["start"])


def state():
    master = stat(ARGS["master"])
    return {"master": master[1] if master else None, "workers": workers(ARGS["master"]) if master else []}


def tell(pid, name):
    try:
        os.kill(pid, getattr(signal, f"SIG{name}"))
    except ProcessLookupError:
        pass  # the answer shows it


def tell_master(name, times):
    """One after the other: two signals that come at once may count as one."""
    for left in reversed(range(times)):
        tell(ARGS["master"], name)
        time.sleep(0.1 if left else 0)


def bring(before, wanted, by, since=float("inf")):
    """Has the master start workers beside those from before `since`; answers which of these are to leave.

    One that is leaving is left alone: the master makes another when it is gone. One that boots may have read some of the former code
    and some of the new: it gives way at once, before it serves.
    """
    old = [w for w in before if w["start"] < since]
    staying = [w for w in old if w["state"] != "leaving"]
    if by == "HUP":
        tell_master(by, 1)
        return [w["pid"] for w in old]
    if by == "TERM":
        for worker in staying:
            tell(worker["pid"], by)
        return [w["pid"] for w in old]
    serving = [w for w in staying if w["state"] == "serving"]
    for worker in staying:
        if worker not in serving:
            tell(worker["pid"], "KILL")
    tell_master(by, wanted - (len(before) - len(serving)))
    return [w["pid"] for w in serving]


def enough(now, master, old):
    """As many others serve as are wanted, or all that there are, or else all of the old ones are gone."""
    if now["master"] is None or now["master"] != master:
        return True
    if ARGS.get("settled"):
        return bool(now["workers"]) and all(w["state"] == "serving" for w in now["workers"])
    if "wanted" in ARGS:
        fresh = [w for w in now["workers"] if w["pid"] not in old]
        return sum(w["state"] == "serving" for w in fresh) >= ARGS["wanted"]
    return not any(w["pid"] in old for w in now["workers"])


def main():
    now = state()
    before, old = ARGS.get("before", now["master"]), ARGS.get("old", [])
    if now["master"] is not None and now["master"] == before:
        if "bring" in ARGS:
            old = bring(now["workers"], ARGS["wanted"], **ARGS["bring"])
        tell_master(*ARGS.get("signal", ["", 0]))
    end = time.monotonic() + ARGS.get("seconds", 0)
    while True:
        now = state()
        if enough(now, before, old) or time.monotonic() >= end:
            break
        time.sleep(0.05)
    print(json.dumps({**now, "before": before, "old": old, "uptime": time.clock_gettime(time.CLOCK_BOOTTIME)}))


main()
