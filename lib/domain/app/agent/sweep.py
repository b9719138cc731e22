"""Ends what was started from a staging directory, and removes the directory; of one that has those of several runs, all but what is to stay of
each."""
import shutil


def processes(staging):
    """Those whose program, arguments or working directory lie in there; not this one and the shell that called it."""
    found = []
    for pid in set(pids()) - {os.getpid(), os.getppid(), 1}:
        argv = read(f"/proc/{pid}/cmdline", "rb")
        cwd = as_its_user(pid, lambda pid=pid: os.readlink(f"/proc/{pid}/cwd"), "")
        mine = argv.split(b"\0")[1:2] == [b"-"]  # another of these scripts
        if not mine and (os.fsencode(staging) in argv or (cwd + "/").startswith(staging + "/")):
            found.append(pid)
    return found


def end(staging, name):
    found = processes(staging)
    for pid in found:
        tell(pid, name)
    return len(found)


def empty(directory):
    if not os.path.isdir(directory):
        os.unlink(directory)
        return True
    for name in set(os.listdir(directory)) - set(ARGS["kept"]):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    return set(os.listdir(directory)) <= set(ARGS["kept"])


def main():
    staging = ARGS["staging"]
    ended = end(staging, "TERM")
    deadline = time.monotonic() + 3
    while processes(staging) and time.monotonic() < deadline:
        time.sleep(0.05)
    end(staging, "KILL")
    if not ARGS["kept"]:
        shutil.rmtree(staging, ignore_errors=True)
        removed = not os.path.exists(staging)
    else:
        removed = all([empty(os.path.join(staging, run)) for run in os.listdir(staging)])
    try:
        os.rmdir(os.path.dirname(staging))  # only when it is empty
    except OSError:
        pass
    print(json.dumps({"ended": ended, "removed": removed}))


main()
