"""Runs a program as supervisord runs the web program: its user and its environment, another directory.

Waits until it has ended, or until it has written a file and may go on by itself. One that does neither in time is killed.
"""
import subprocess


def give(path, uid, gid):
    """With all that is in there, but for what links lead to."""
    os.chown(path, uid, gid, follow_symlinks=False)
    for directory, below, files in os.walk(path):
        for name in below + files:
            os.chown(os.path.join(directory, name), uid, gid, follow_symlinks=False)


def main():
    os.makedirs(ARGS["trial"], mode=0o700, exist_ok=True)
    uid, gid, groups = user(ARGS["like"])
    # What the application writes when it is loaded, such as a log that it begins anew, would be root's, and closed to those who serve.
    another = uid != os.geteuid()
    if another:
        give(ARGS["trial"], uid, gid)
        # Only who may change the code in place may change what takes its place: others of the container's programs, root's too, will run it.
        if os.stat(ARGS["root"]).st_uid == uid:
            give(ARGS["tree"], uid, gid)
    log = open(ARGS["log"], "wb")
    os.chmod(ARGS["log"], 0o600)
    if os.path.exists(ARGS["told"]):
        os.unlink(ARGS["told"])
    os.makedirs(ARGS["cwd"], exist_ok=True)  # one that the image makes, and where no commit has a file
    child = subprocess.Popen(
        ARGS["argv"],
        cwd=ARGS["cwd"],
        env={**variables(ARGS["like"]), **ARGS["env"]},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=(lambda: become(uid, gid, groups)) if another else None,
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
