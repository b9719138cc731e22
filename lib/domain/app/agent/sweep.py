"""Ends what was started from a staging directory, and removes the directory."""
import json
import os
import shutil
import signal
import time


def processes(staging):
    """Those whose program, arguments or working directory lie in there; not this one and the shell that called it."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in (os.getpid(), os.getppid(), 1):
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                argv = file.read()
            cwd = os.readlink(f"/proc/{name}/cwd")
        except OSError:
            continue
        mine = argv.split(b"\0")[1:2] == [b"-"]  # another of these scripts
        if not mine and (os.fsencode(staging) in argv or (cwd + "/").startswith(staging + "/")):
            found.append(int(name))
    return found


def end(pids, which):
    for pid in pids:
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            pass


def main():
    staging = ARGS["staging"]
    ended = processes(staging)
    end(ended, signal.SIGTERM)
    deadline = time.monotonic() + 3
    while processes(staging) and time.monotonic() < deadline:
        time.sleep(0.05)
    end(processes(staging), signal.SIGKILL)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        os.rmdir(os.path.dirname(staging))  # only when it is empty
    except OSError:
        pass
    print(json.dumps({"ended": len(ended), "removed": not os.path.exists(staging)}))


main()
