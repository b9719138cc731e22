"""Stands for the real scheduler: it must be a single one, and it leaves a heartbeat that tests can read."""

import fcntl
import json
import os
import threading
import time

from app.release import ROOT, release

state = {"running": False, "pid": os.getpid(), "beats": 0}
_lock_file = None


def start_scheduler() -> None:
    """Start the heartbeat, unless another process holds the lock: then run without it, and say so in the state."""
    global _lock_file
    if release["scheduler_error"]:
        raise RuntimeError("release.json: scheduler_error")
    userdata = ROOT / "userdata"
    userdata.mkdir(exist_ok=True)
    _lock_file = open(userdata / "scheduler.lock", "w", encoding="utf-8")
    try:
        fcntl.flock(_lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    state.update(running=True, pid=os.getpid())
    threading.Thread(target=_beat, args=(userdata / "scheduler.db",), daemon=True).start()


def _beat(path) -> None:
    while True:
        state["beats"] += 1
        path.write_text(json.dumps({**state, "at": time.time()}), "utf-8")
        # supervisord looks for signals when something happens, at least every second: a line now and then lets it
        # stop at once, as the talkative real scheduler does.
        print("beat", state["beats"], flush=True)
        time.sleep(0.25)
