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


def user(pid):
    """Its user, group and other groups, as numbers; None when it is gone."""
    found = dict(re.findall(r"^(Uid|Gid|Groups):[ \t]*(.*)$", read(f"/proc/{pid}/status"), re.M))
    if not found:
        return None
    uid, gid = (int(found[key].split()[1]) for key in ("Uid", "Gid"))
    return uid, gid, [int(group) for group in found["Groups"].split()]


def become(uid, gid, groups):
    os.setgroups(groups)
    os.setgid(gid)
    os.setuid(uid)


def is_here(pid):
    """Whether it is of this container: the engine may show the machine's processes, too. Of another user's, its namespaces are not to be seen."""
    return read(f"/proc/{pid}/cgroup") == read("/proc/self/cgroup")


def as_its_user(pid, look, otherwise):
    """What a look at a process finds, `otherwise` when it is gone. A container's root may not see all of another user's, who may."""
    try:
        return look()
    except PermissionError:
        pass
    except OSError:
        return otherwise
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become(*user(pid))
            os.write(theirs, json.dumps(look()).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours) as found:
        said = found.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else otherwise


def content(path):
    with open(path, errors="surrogateescape") as file:
        return file.read()


def variables(pid):
    pairs = (item.partition("=") for item in as_its_user(pid, lambda: content(f"/proc/{pid}/environ"), "").split("\0"))
    return {name: value for name, is_one, value in pairs if is_one}


def environment(pid):
    """To be printed: what is no text is not in there."""
    return {name: value.encode(errors="surrogateescape").decode(errors="replace") for name, value in variables(pid).items()}


def opened(pid):
    """What its file descriptors lead to, by their numbers."""

    def look():
        found = {}
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                found[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                continue  # closed meanwhile
        return found

    return as_its_user(pid, look, {})


def inodes(pid):
    """Of a process' sockets."""
    links = (re.match(r"socket:\[(\d+)\]", link) for link in opened(pid).values())
    return {link[1] for link in links if link}


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
