"""Runs a program as supervisord runs the web program: its environment, another directory.

Waits until it has ended, or until it has written a file and may go on by itself. One that does neither in time is killed.
"""
import json
import os
import signal
import subprocess
import time


def environment():
    with open(f"/proc/{ARGS['like']}/environ", "rb") as file:
        pairs = (item.split(b"=", 1) for item in file.read().split(b"\0") if b"=" in item)
        return {**{os.fsdecode(k): os.fsdecode(v) for k, v in pairs}, **ARGS["env"]}


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def main():
    log = open(ARGS["log"], "wb")
    os.chmod(ARGS["log"], 0o600)
    if os.path.exists(ARGS["told"]):
        os.unlink(ARGS["told"])
    child = subprocess.Popen(
        ARGS["argv"],
        cwd=ARGS["cwd"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    end = time.monotonic() + ARGS["seconds"]
    while child.poll() is None and not (ARGS["leave"] and os.path.exists(ARGS["told"])):
        if time.monotonic() >= end:
            os.killpg(child.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    said, told = read(ARGS["log"])[-20000:], read(ARGS["told"])
    print(json.dumps({"pid": child.pid, "exitCode": child.returncode, "said": said, "told": told}))


main()
