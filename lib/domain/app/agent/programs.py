"""The programs that supervisord runs: which one serves the web port, which one schedules, and gunicorn's workers."""
import ast
import configparser
import http.client
import importlib.metadata
import shlex
import socket
import subprocess
import xmlrpc.client

CONFIGURATION = ["/etc/supervisor/supervisord.conf", "/etc/supervisord.conf"]
# gunicorn's own, where nothing else is said.
DEFAULTS = {
    "preload_app": False,
    "max_requests": 0,
    "max_requests_jitter": 0,
    "worker_class": "sync",
    "loglevel": "info",
    "threads": 1,
    "timeout": 30,
    "graceful_timeout": 30,
}


def listening():
    """Ports by the inodes of the TCP sockets that listen."""
    return {fields[9]: last(fields[1]) for fields in rows("tcp", "tcp6") if fields[3] == "0A"}


def directory(pid):
    return as_its_user(pid, lambda: os.readlink(f"/proc/{pid}/cwd"), "")


def children(parent):
    return [{"pid": pid, "start": seen[2]} for pid in pids() if (seen := process(pid)) and seen[1] == parent]


def literals(text):
    """A configuration's plain values by their names, and the names that it sets in another way as well. Nothing of it is executed."""
    tree = ast.parse(text)
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0]] = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                pass
    stores = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    computed = {n.id for n in stores if n not in found}
    imports = (alias.asname or alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names)
    for name in imports:
        computed.update(DEFAULTS if name == "*" else [name])
    return {name.id: value for name, value in found.items()}, computed


def gunicorn_words(pid, argv):
    """What its variable and its words say, the later the stronger; None where it is no gunicorn."""
    at = next((i for i, word in enumerate(argv) if word.endswith("gunicorn")), None)
    if at is None:
        return None
    try:
        given = shlex.split(environment(pid).get("GUNICORN_CMD_ARGS", ""))
    except ValueError:
        given = []
    words = given + argv[at + 1 :]
    said = {"config": "gunicorn.conf.py"}
    flags = {
        "-c": "config",
        "--config": "config",
        "--max-requests": "max_requests",
        "--max-requests-jitter": "max_requests_jitter",
        "-k": "worker_class",
        "--worker-class": "worker_class",
        "--log-level": "loglevel",
        "--threads": "threads",
        "-t": "timeout",
        "--timeout": "timeout",
        "--graceful-timeout": "graceful_timeout",
    }
    for word, following in zip(words, [*words[1:], ""]):
        glued = word[:2] in ("-c", "-k", "-t") and len(word) > 2
        flag, _, value = (word[:2], "", word[2:]) if glued else word.partition("=")
        if flag in flags:
            said[flags[flag]] = value.removeprefix("=") or following
        elif word == "--preload":
            said["preload_app"] = True
    return said


def configuration(words, cwd):
    """Where gunicorn's configuration lies, or would lie; None where it is a module."""
    file = words["config"].removeprefix("file:")
    return None if file.startswith("python:") else os.path.normpath(os.path.join(cwd, file))


def gunicorn_settings(pid, argv, cwd):
    """What decides how gunicorn's workers come and go, where it is written down plainly: its file, its variable, its words, in this order."""
    said = gunicorn_words(pid, argv)
    file = said and configuration(said, cwd)
    if file is None:
        return None
    try:
        # /proc: as that process sees it, wherever it has its root.
        plain, computed = literals(as_its_user(pid, lambda: content(f"/proc/{pid}/root{file}"), ""))
    except (SyntaxError, ValueError):
        return None
    settings = {**DEFAULTS, **plain, **said}
    found = {}
    for name, default in DEFAULTS.items():
        value = str(settings[name]).strip()
        if name in computed and name not in said:
            continue
        if isinstance(default, bool):
            found[name] = value.lower() == "true"
        elif isinstance(default, str):
            found[name] = value
        elif value.isdigit():
            found[name] = int(value)
    return found


def gunicorn_version():
    """Of the gunicorn beside this Python; "" when there is none."""
    try:
        return importlib.metadata.version("gunicorn") or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


class Supervisor(xmlrpc.client.Transport):
    """supervisord's own interface, on its socket."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        connection = http.client.HTTPConnection(host)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(20)
        connection.sock.connect(self.path)
        return connection


def over_socket():
    config = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=(";",))
    config.read(CONFIGURATION)
    proxy = xmlrpc.client.ServerProxy("http://supervisor", Supervisor(config["unix_http_server"]["file"]))
    given = configured(proxy)
    for info in proxy.supervisor.getAllProcessInfo():
        name, group = info["name"], info["group"]
        yield name if name == group else f"{group}:{name}", info["statename"], info["pid"], given.get((group, name), {})


def configured(proxy):
    """Seconds that each program has to end, and after which it counts as started, and its directory. A supervisord before 4.1 does not tell."""
    try:
        infos = proxy.supervisor.getAllConfigInfo()
        told = {"stopSeconds": "stopwaitsecs", "startSeconds": "startsecs", "directory": "directory"}
        return {(i["group"], i["name"]): {ours: i[theirs] for ours, theirs in told.items()} for i in infos}
    except (xmlrpc.client.Error, KeyError):
        return {}


def started_in(said, supervisor):
    """Where supervisord starts a program: it may be elsewhere by now, as a gunicorn with `chdir` is. "none": where supervisord itself is."""
    return os.path.normpath(os.path.join(supervisor, "" if said == "none" else said))


def by_command():
    """The same a quarter of a second later, for a supervisord that is set up in another way; and what was said."""
    status = subprocess.run(["supervisorctl", "status"], capture_output=True, text=True, timeout=20)
    matches = (re.match(r"(\S+)\s+([A-Z]+)\s*(?:pid (\d+))?", line) for line in status.stdout.splitlines())
    return [(m.group(1), m.group(2), int(m.group(3) or 0), {}) for m in matches if m], status.stdout + status.stderr


def supervised():
    try:
        return list(over_socket()), ""
    except (OSError, KeyError, configparser.Error, http.client.HTTPException, xmlrpc.client.Error):
        return by_command()


def changes_user(master, workers):
    seen = map(user, [master, *(worker["pid"] for worker in workers)])
    return len({whose[0] for whose in seen if whose}) > 1


def main():
    found, said = supervised()
    ports = listening()
    version = gunicorn_version()
    programs = []
    for name, state, pid, given in found:
        scheduler = environment(pid).get(ARGS["schedulerVariable"], "") if pid else ""
        _, parent, start = pid and process(pid) or ("", 0, 0)
        argv = [a.decode("utf-8", "replace") for a in read(f"/proc/{pid}/cmdline", "rb").split(b"\0")[:-1]]
        cwd = directory(pid) if pid else ""
        said_directory = given.pop("directory", None)
        starts = started_in(said_directory, directory(parent)) if said_directory and parent else cwd
        settings = gunicorn_settings(pid, argv, starts)
        words = gunicorn_words(pid, argv)
        workers = children(pid) if pid else []
        config = words and configuration(words, starts)
        programs.append(
            {
                "name": name,
                "state": state,
                "pid": pid,
                "argv": argv,
                "cwd": cwd,
                "startsIn": starts,
                **given,
                **({"settings": settings} if settings else {}),
                **({"config": config} if config else {}),
                **({"gunicorn": version, "changesUser": changes_user(pid, workers)} if words else {}),
                "ports": sorted({ports[i] for i in inodes(pid) if i in ports}) if pid else [],
                "start": start,
                "workers": workers,
                "scheduler": scheduler.lower(),
                # supervisord hands its own variables on to whatever is not told otherwise.
                "inherited": bool(parent) and environment(parent).get(ARGS["schedulerVariable"]) == scheduler,
            }
        )
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    answer = {"programs": programs, "said": said[-500:], "uptime": uptime, "booted": process(1)[2]}
    if os.path.exists(ARGS["marker"]):
        answer["released"] = uptime - (time.time() - os.stat(ARGS["marker"]).st_mtime)
    print(json.dumps(answer))


main()
