"""The programs that supervisord runs: which one serves the web port, which one schedules, and gunicorn's workers."""
import json
import os
import re
import subprocess


def read(path, mode="r"):
    try:
        with open(path, mode) as file:
            return file.read()
    except OSError:
        return "" if mode == "r" else b""


def listening(port):
    """Inodes of the sockets that listen on a TCP port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def sockets(pid):
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                match = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                continue
            if match:
                found.add(match.group(1))
    except OSError:
        pass
    return found


def environment(pid):
    pairs = (item.split(b"=", 1) for item in read(f"/proc/{pid}/environ", "rb").split(b"\0") if b"=" in item)
    return {name.decode(): value for name, value in pairs}


def directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:  # ended meanwhile
        return ""


def main():
    status = subprocess.run(["supervisorctl", "status"], capture_output=True, text=True, timeout=20)
    web = listening(ARGS["port"])
    programs = []
    for line in status.stdout.splitlines():
        match = re.match(r"(\S+)\s+([A-Z]+)\s*(?:pid (\d+))?", line)
        if not match:
            continue
        name, state, pid = match.group(1), match.group(2), int(match.group(3) or 0)
        scheduler = environment(pid).get(ARGS["schedulerVariable"], b"") if pid else b""
        programs.append(
            {
                "name": name,
                "state": state,
                "pid": pid,
                "argv": [a.decode("utf-8", "replace") for a in read(f"/proc/{pid}/cmdline", "rb").split(b"\0")[:-1]],
                "cwd": directory(pid),
                "web": bool(pid and sockets(pid) & web),
                "scheduler": scheduler.decode("utf-8", "replace").lower(),
            }
        )
    print(json.dumps({"programs": programs, "said": (status.stdout + status.stderr)[-500:]}))


main()
