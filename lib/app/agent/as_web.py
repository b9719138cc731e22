"""Runs a program as supervisord runs the web program: its environment, another directory. Waits for it, or leaves it running."""
import json
import os
import signal
import subprocess


def environment():
    with open(f"/proc/{ARGS['like']}/environ", "rb") as file:
        pairs = (item.split(b"=", 1) for item in file.read().split(b"\0") if b"=" in item)
        return {**{os.fsdecode(k): os.fsdecode(v) for k, v in pairs}, **ARGS["env"]}


def main():
    log = open(ARGS["log"], "wb")
    os.chmod(ARGS["log"], 0o600)
    child = subprocess.Popen(
        ARGS["argv"],
        cwd=ARGS["cwd"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    if ARGS["seconds"] == 0:
        print(json.dumps({"pid": child.pid, "exitCode": None, "said": ""}))
        return
    try:
        code = child.wait(ARGS["seconds"])
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        code = None
    with open(ARGS["log"], "rb") as file:
        print(json.dumps({"pid": child.pid, "exitCode": code, "said": file.read().decode("utf-8", "replace")[-20000:]}))


main()
