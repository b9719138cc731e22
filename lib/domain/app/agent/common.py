"""Stands before each of the scripts: what they import, and the looks at /proc that several of them take."""
import json
import os
import re
import signal
import time

HZ = os.sysconf("SC_CLK_TCK")


def read(path, mode="r", errors=None):
    try:
        with open(path, mode, errors=errors) as file:
            return file.read()
    except OSError:
        return "" if mode == "r" else b""


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def process(pid):
    """State, parent and start in seconds since boot, or None when it is gone."""
    fields = read(f"/proc/{pid}/stat", errors="replace").rsplit(")", 1)[-1].split()
    return (fields[0], int(fields[1]), int(fields[19]) / HZ) if fields else None


def environment(pid):
    pairs = (item.decode("utf-8", "replace").partition("=") for item in read(f"/proc/{pid}/environ", "rb").split(b"\0"))
    return {name: value for name, is_one, value in pairs if is_one}


def inodes(pid):
    """Of a process' sockets; of one that is gone, none."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                continue  # closed meanwhile
            found.update(link.groups() if link else ())
    except OSError:
        pass
    return found


def rows(*tables):
    """The fields of each line below the heading."""
    return [line.split() for table in tables for line in read(f"/proc/net/{table}", errors="replace").splitlines()[1:]]


def last(field):
    """Of an address its port, of queues that of what has come."""
    return int(field.rsplit(":", 1)[1], 16)


def tell(pid, name):
    try:
        os.kill(pid, getattr(signal, f"SIG{name}"))
    except ProcessLookupError:
        pass  # the answer shows it
