"""gunicorn's workers, telling their master to change them, and waiting for that.

A worker beats by touching an unlinked temporary file of its own (gunicorn/workers/workertmp.py); the file is made by the master
before the fork, first touched when the worker has loaded the application and begins to serve, and closed when it has served its last
request: after max_requests it may still be there for seconds, while the master waits for it with making another. It beats at least every
half of gunicorn's `timeout`, after which the master kills it; not while it is held up in a request, if it has no threads.
"""
import itertools
import resource

# A threaded worker looks for its next connection for a second at most, and then whether it is to end.
POLL_SECONDS = 1.05
# How long a moment is waited for in which a worker holds no connection, and after that one in which none is unread.
EMPTY_SECONDS, READ_SECONDS = 4, 8
# A boot that takes longer is not waited for.
SETTLE_SECONDS = 10


def living(pid):
    """Parent and start, or None when it is gone (or a zombie)."""
    seen = process(pid)
    return seen[1:] if seen and seen[0] not in "ZX" else None


def condition(pid, start):
    """booting, serving, hung when it has not beaten for `silent` seconds, or leaving: without a file to beat with it serves nobody any more."""
    beats = [fd for fd, link in opened(pid).items() if "/wgunicorn-" in link]
    try:
        for fd in beats:
            beat = time.time() - os.stat(f"/proc/{pid}/fd/{fd}").st_ctime
            if beat >= age(start) - 0.05:
                return "booting"
            return "hung" if beat > ARGS.get("silent", float("inf")) else "serving"
    except OSError:
        pass  # it ended while we looked
    return "leaving"


def age(start):
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start


def workers(master):
    found = []
    for pid in pids():
        seen = living(pid)
        if seen and seen[0] == master:
            found.append({"pid": pid, "start": seen[1], "state": condition(pid, seen[1])})
    return sorted(found, key=lambda w: w["start"])


def state():
    master = living(ARGS["master"])
    return {"master": master[1] if master else None, "workers": workers(ARGS["master"]) if master else []}


def tell_master(name, times):
    """One after the other: two signals that come at once may count as one."""
    for left in reversed(range(times)):
        tell(ARGS["master"], name)
        time.sleep(0.1 if left else 0)


def sockets():
    """Inodes of sockets that listen, and of connections to one of these, with how many bytes wait to be read there."""
    listening, connected = {}, []
    for fields in rows("tcp", "tcp6"):
        if fields[3] == "0A":
            listening[fields[9]] = last(fields[1])
        elif fields[3] in ("01", "08"):  # established, or the peer has said all, which counts as a byte
            connected.append((fields[9], last(fields[1]), last(fields[4]) - (fields[3] == "08")))
    for fields in rows("unix"):
        if len(fields) > 7 and fields[3] == "00010000":
            listening[fields[6]] = fields[7]
        elif len(fields) > 7:
            connected.append((fields[6], fields[7], 0))
    places = set(listening.values())
    return set(listening), {inode: unread for inode, place, unread in connected if place in places}


def has(pid, field, wanted):
    """Whether a process is in a state (State: T), or has been sent a signal that it has not seen as yet (ShdPnd)."""
    try:
        with open(f"/proc/{pid}/status") as file:
            found = re.search(rf"^{field}:\s*(\S+)", file.read(), re.M)
    except OSError:
        return True  # it is gone
    if found is None:
        return False  # this kernel does not tell
    return found[1] == wanted if field == "State" else bool(int(found[1], 16) >> wanted - 1 & 1)


def wait(seconds, over):
    end = time.monotonic() + seconds
    while not over() and time.monotonic() < end:
        time.sleep(0.002)


def polls(pid):
    """Whether a worker waits for what comes next; where the kernel does not tell for what it sleeps, whether it sleeps."""
    waits = read(f"/proc/{pid}/wchan")
    return "epoll" in waits or "ep_poll" in waits if waits.strip("0") else has(pid, "State", "S")


def stop(pid, past):
    """Stops a worker, and lets it go on if it would lose something by being told to end now. Answers whether it stays stopped.

    It should be stopped in its poll: elsewhere it only begins one, and takes a connection.
    """
    if not listens(pid):
        return True  # it is leaving by itself, or is gone
    if past < EMPTY_SECONDS and held(pid) or past < READ_SECONDS and not polls(pid):
        return False
    tell(pid, "STOP")
    wait(1, lambda: has(pid, "State", "T"))
    unread = held(pid)
    if unread and (past < EMPTY_SECONDS or any(unread) and past < READ_SECONDS):
        tell(pid, "CONT")
        return False
    return True


def listens(pid):
    return bool(sockets()[0] & inodes(pid))


def held(pid):
    """Of each connection that a worker has taken, how many bytes wait to be read."""
    _, connected = sockets()
    return [connected[inode] for inode in inodes(pid) if inode in connected]


def limit_files(pid, *limit):
    """Sets how many files a process may have open, if that is given; answers how many it might."""
    try:
        return resource.prlimit(pid, resource.RLIMIT_NOFILE, *limit)
    except (OSError, ValueError):
        return None  # it has another user, or is gone


def take_none(pid):
    """Leaves a worker no number for another file than those that it has open, so that it can't take a connection: should one come just then,
    it stays for the others, and the worker says so and ends. It has nothing to lose. Answers the former limit."""
    former = limit_files(pid)
    try:
        opened = set(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
    free = next(n for n in itertools.count() if str(n) not in opened)
    return former and limit_files(pid, (free, former[1]))


def tell_emptied(pids, deliver):
    """Has workers told to end while they hold no connection and are past taking another.

    Those of gunicorn 21 to 23 with threads take one more after they were told, and close it unread. One that is stopped takes none: others
    do. When its poll is over it learns first that it is to end. Should we be killed meanwhile, its master ends it after `timeout`.
    """
    stopped, limits, told, began = set(), {}, False, time.monotonic()
    try:
        while len(stopped) < len(pids):
            stopped.update(pid for pid in pids if pid not in stopped and stop(pid, time.monotonic() - began))
            time.sleep(0.005)
        time.sleep(POLL_SECONDS)
        limits.update((pid, take_none(pid)) for pid in pids if not held(pid))
        deliver()
        # One that was leaving by itself is not stopped, and never has it pending.
        wait(10, lambda: all(has(pid, "ShdPnd", signal.SIGTERM) or not has(pid, "State", "T") for pid in pids))
        for pid in pids:
            tell_main_thread(pid, signal.SIGTERM)
        told = True
    finally:
        if not told:
            give_back(limits)
        for pid in pids:
            tell(pid, "CONT")
        try:
            # Whoever has closed its listening sockets may need files for what it does in the end.
            wait(2 if told else 0, lambda: not any(listens(pid) for pid in pids))
        finally:
            give_back(limits)


def give_back(limits):
    for pid, limit in limits.items():
        if limit:
            limit_files(pid, limit)


def tell_main_thread(pid, number):
    """A signal for a process that is stopped goes to whichever thread awakes first; Python acts on it in the main one, which may sleep on."""
    tgkill = {"x86_64": 234, "aarch64": 131}.get(os.uname().machine)
    try:
        import ctypes
    except ImportError:
        return  # this Python was built without it
    if tgkill:
        ctypes.CDLL(None).syscall(tgkill, pid, pid, int(number))


def dismiss(workers, deliver):
    """Has workers told to end, so that none loses a connection by it."""
    serving = [w["pid"] for w in workers if w["state"] == "serving"]
    if ARGS.get("drops") and serving:
        tell_emptied(serving, deliver)
    else:
        deliver()


def bring(before, wanted, by, since=float("inf")):
    """Has the master start workers beside those from before `since`; answers which of these are to leave.

    One that is leaving is left alone: the master makes another when it is gone. One that boots may have read some of the former code
    and some of the new: it gives way at once, before it serves, unless nobody else does.
    """
    old = [w for w in before if w["start"] < since]
    staying = [w for w in old if w["state"] != "leaving"]
    if by == "HUP":
        dismiss(old, lambda: tell_master(by, 1))
        return [w["pid"] for w in old]
    if by == "TERM":
        dismiss(staying, lambda: [tell(worker["pid"], by) for worker in staying])
        return [w["pid"] for w in old]
    needed = not any(w["state"] == "serving" for w in before)
    kept = [w for w in staying if needed or w["state"] != "booting"]
    for worker in staying:
        if worker not in kept:
            tell(worker["pid"], "KILL")
    tell_master(by, wanted - (len(before) - len(kept)))
    return [w["pid"] for w in kept]


def enough(now, master, old):
    """As many others serve as are wanted, or all that there are, or else all of the old ones are gone."""
    if now["master"] is None or now["master"] != master:
        return True
    if ARGS.get("settled"):
        return bool(now["workers"]) and all(w["state"] in ("serving", "hung") for w in now["workers"])
    if "wanted" in ARGS:
        fresh = [w for w in now["workers"] if w["pid"] not in old]
        return sum(w["state"] == "serving" for w in fresh) >= ARGS["wanted"]
    return not any(w["pid"] in old for w in now["workers"])


def settled(now, old):
    """When those serve that are to stay: the master makes one in place of each that leaves by itself, and the oldest may be all that serve."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end and any(w["state"] == "booting" and w["pid"] not in old for w in now["workers"]):
        time.sleep(0.05)
        now = state()
    return now


def main():
    # Whom the workers run as sees all of them, and may lower what they may have open.
    whose = user(ARGS["master"])
    if whose and whose[0] != os.geteuid():
        become(*whose)
    now = state()
    before, old = ARGS.get("before", now["master"]), ARGS.get("old", [])
    if now["master"] is not None and now["master"] == before:
        if "bring" in ARGS:
            old = bring(now["workers"], ARGS["wanted"], **ARGS["bring"])
        if "signal" in ARGS:
            now = settled(now, old)
            oldest = [w for w in now["workers"] if w["pid"] in old][: ARGS["signal"][1]]
            dismiss(oldest, lambda: tell_master(*ARGS["signal"]))
            for worker in oldest:
                if worker["state"] == "booting":
                    tell(worker["pid"], "KILL")  # it has served nobody, and may never hear that it is to end
    end = time.monotonic() + ARGS.get("seconds", 0)
    while True:
        now = state()
        if enough(now, before, old) or time.monotonic() >= end:
            break
        time.sleep(0.05)
    print(json.dumps({**now, "before": before, "old": old, "uptime": time.clock_gettime(time.CLOCK_BOOTTIME)}))


main()
