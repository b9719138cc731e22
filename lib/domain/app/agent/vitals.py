"""How the container is, seen from within: nginx and its certificates, queues, memory, mounts, gunicorn's settings and recent words,
files that nobody may read. Only looks; each part by itself, so that one that fails leaves the others."""
import http.client
import importlib.util
import subprocess
import threading
from datetime import datetime

LOG_TAIL = 400_000
MOST = 20


def boot_time():
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def processes():
    for pid in pids():
        seen = process(pid)
        if seen:
            yield pid, seen[1], boot_time() + seen[2], read(f"/proc/{pid}/cmdline").replace("\0", " ")


def nginx():
    dump = subprocess.run(["nginx", "-T"], capture_output=True, text=True, errors="replace", timeout=20)
    files = re.findall(r"^# configuration file (.+):$", dump.stdout, re.M)
    workers = [p for p in processes() if "nginx: worker" in p[3] and "shutting down" not in p[3]]
    paths = sorted(set(re.findall(r"^\s*ssl_certificate\s+([^;\s]+)\s*;", dump.stdout, re.M)))
    # Its warnings (http2, for one) are always there.
    said = [line for line in dump.stderr.splitlines() if "[emerg]" in line or "[alert]" in line]
    stats = [os.stat(file).st_mtime for file in files if os.path.exists(file)]
    return {
        "ok": dump.returncode == 0,
        "said": "\n".join(said or dump.stderr.splitlines()[-3:])[-1000:],
        "certificates": [{"path": path, "pem": read(path)[:20_000]} for path in paths[:MOST]],
        "names": sorted({n for line in re.findall(r"^\s*server_name\s+([^;]+);", dump.stdout, re.M) for n in line.split()})[:50],
        "changed": max(stats, default=None),
        "read": min((p[2] for p in workers), default=None),
    }


def queues():
    """Connections that wait to be accepted, by port."""
    found = {}
    for fields in rows("tcp", "tcp6"):
        if fields[3] == "0A":
            port = last(fields[1])
            found[port] = found.get(port, 0) + last(fields[4])
    return [{"port": port, "waiting": waiting} for port, waiting in sorted(found.items())]


def memory():
    """Of this container's control group, second version or first."""
    two = dict(line.split() for line in read("/sys/fs/cgroup/memory.events").splitlines() if len(line.split()) == 2)
    one = dict(line.split() for line in read("/sys/fs/cgroup/memory/memory.oom_control").splitlines() if len(line.split()) == 2)
    limit = read("/sys/fs/cgroup/memory.max").strip() or read("/sys/fs/cgroup/memory/memory.limit_in_bytes").strip()
    used = read("/sys/fs/cgroup/memory.current").strip() or read("/sys/fs/cgroup/memory/memory.usage_in_bytes").strip()
    bounded = limit.isdigit() and int(limit) < 1 << 60
    return {
        "kills": int(two.get("oom_kill", one.get("oom_kill", 0))),
        "limit": int(limit) if bounded else None,
        "used": int(used) if used.isdigit() else None,
    }


def mounts():
    found = []
    for path in ARGS["mounts"]:
        try:
            stat = os.stat(path)
            found.append({"path": path, "inode": stat.st_ino, "device": stat.st_dev})
        except OSError:
            found.append({"path": path, "inode": None, "device": None})
    return found


def log_end(path):
    """The end of a log. Its lines may be older than the process: whoever counts compares their times."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_TAIL))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def gunicorn_log():
    """Of the last hour: workers that were killed because they did not answer, that were killed from outside, and planned replacements."""
    counts = {"timeouts": 0, "killed": 0, "replaced": 0, "failed": 0}
    # Before 21, gunicorn said what a worker was killed with by its number.
    killed = {"was sent SIGKILL": "killed", "was terminated due to signal 9": "killed"}
    words = {"WORKER TIMEOUT": "timeouts", **killed, "Autorestarting worker": "replaced", "Worker failed to boot": "failed"}
    for path in ARGS["logs"]:
        for line in log_end(path):
            match = re.match(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([+-]\d{4})\]", line)
            if not match:
                continue
            at = datetime.strptime(f"{match.group(1)} {match.group(2)}", "%Y-%m-%d %H:%M:%S %z").timestamp()
            if time.time() - at > 3600:
                continue
            for word, name in words.items():
                if word in line:
                    counts[name] += 1
    return counts


def nobody():
    """User and groups of nginx' workers, who read the pages; without a worker, those of nobody in particular."""
    for pid, _, _, command in processes():
        if "nginx: worker" in command and (whose := user(pid)):
            uid, gid, groups = whose
            return uid, {gid, *groups}
    return -1, set()


def unreadable():
    """Pages that nginx' workers may not read, and directories that they may not enter."""
    uid, groups = nobody()

    def may(path, bit):
        stat = os.stat(path)
        if uid in (0, stat.st_uid):
            return uid == 0 or bool(stat.st_mode & (bit << 6))
        return bool(stat.st_mode & (bit << 3 if stat.st_gid in groups else bit))

    found = []
    for directory, _, leaves in os.walk(ARGS["pages"]):
        if not may(directory, 0o1):
            found.append(directory)
        found += [path for path in (os.path.join(directory, leaf) for leaf in leaves) if not may(path, 0o4)]
    return {"count": len(found), "some": found[:3]}


def pages():
    index = os.path.join(ARGS["pages"], "index.html")
    if not os.path.isdir(os.path.dirname(ARGS["pages"])):
        return None
    return {"index": os.path.exists(index) and os.path.getsize(index) > 0, "changed": os.stat(index).st_mtime if os.path.exists(index) else None}


def asked():
    """The same questions as from outside, within."""
    answers = []

    def ask(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        status = 0
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        answers.append({"port": port, "path": path, "status": status})

    threads = [threading.Thread(target=ask, args=question) for question in ARGS["ask"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    return answers


def files():
    """Open files of the process that has most of its limit, and that limit."""
    most = {"pid": 0, "open": 0, "limit": 1}
    for pid, *_ in processes():
        count = as_its_user(pid, lambda pid=pid: len(os.listdir(f"/proc/{pid}/fd")), 0)
        match = re.search(r"^Max open files\s+(\d+)", read(f"/proc/{pid}/limits"), re.M)
        limit = int(match.group(1)) if match else 1 << 30
        if count / limit > most["open"] / most["limit"]:
            most = {"pid": pid, "open": count, "limit": limit}
    return most


def bytecode():
    """Byte code that Python will run though no source has it: a module without its source beside it, and what is bound to a source that was
    another one and is not compared (PEP 552). What is merely older than its source Python compiles anew by itself."""
    found = []
    for directory, below, leaves in os.walk(ARGS["root"]):
        below[:] = [name for name in below if name not in ARGS["kept"] and os.path.join(directory, name) not in ARGS["kept"]]
        there = set(leaves)
        cache = os.path.basename(directory) == "__pycache__"
        for leaf in leaves:
            if not leaf.endswith(".pyc"):
                continue
            path = os.path.join(directory, leaf)
            if not cache:
                if f"{leaf[:-1]}" not in there:
                    found.append(path)
                continue
            source = os.path.join(os.path.dirname(directory), f"{leaf.split('.')[0]}.py")
            with open(path, "rb") as file:
                head = file.read(16)
            if len(head) == 16 and head[4] & 3 == 1 and os.path.exists(source) and importlib.util.source_hash(read(source, "rb")) != head[8:16]:
                found.append(path)
    return {"count": len(found), "some": sorted(found)[:3]}


def part(look):
    try:
        return look()
    except Exception as error:  # noqa: BLE001 one that can't be asked is an answer
        return {"notAsked": f"{type(error).__name__}: {error}"[:300]}


def main():
    looks = [nginx, queues, memory, mounts, gunicorn_log, unreadable, pages, asked, files, bytecode]
    answer = {look.__name__: part(look) for look in looks}
    print(json.dumps({**answer, "now": time.time(), "started": next(p[2] for p in processes() if p[0] == 1)}))


main()
