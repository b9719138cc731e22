"""Runs a program as supervisord runs the web program: its environment, another directory.

Waits until it has ended, or until it has written a file and may go on by itself. One that does neither in time is killed.
"""
import subprocess


def inherited():
    with open(f"/proc/{ARGS['like']}/environ", "rb") as file:
        pairs = (item.split(b"=", 1) for item in file.read().split(b"\0") if b"=" in item)
        return {**{os.fsdecode(k): os.fsdecode(v) for k, v in pairs}, **ARGS["env"]}


def main():
    log = open(ARGS["log"], "wb")
    os.chmod(ARGS["log"], 0o600)
    if os.path.exists(ARGS["told"]):
        os.unlink(ARGS["told"])
    os.makedirs(ARGS["cwd"], exist_ok=True)  # one that the image makes, and where no commit has a file
    child = subprocess.Popen(
        ARGS["argv"],
        cwd=ARGS["cwd"],
        env=inherited(),
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
    said = read(ARGS["log"], errors="replace")[-20000:]
    told = read(ARGS["told"], errors="replace") if os.path.exists(ARGS["told"]) else None
    print(json.dumps({"pid": child.pid, "exitCode": child.returncode, "said": said, "told": told}))


main()
