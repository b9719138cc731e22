"""What nginx serves, by its own configuration: of each server where it listens and which name it has, which place leads to which port, which are
pages, and what does not say where it leads."""
import subprocess

TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{\w+\}|[^\s{};])+""")
# nginx tells each file that it read under a line of its own.
FILE = re.compile(r"^# configuration file (.+):$", re.M)
PASSES = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass")
NAME = r"(127\.0\.0\.1|localhost|\[::1\])"


def blocks(text):
    """Directives as (words, children); children is None for one that ends with a semicolon."""
    stack, words = [[]], []
    for match in TOKEN.finditer(text):
        token = match.group(0)
        if token.startswith("#"):
            continue
        if token == "{":
            stack[-1].append((words, []))
            stack.append(stack[-1][-1][1])
            words = []
        elif token == "}":
            if len(stack) > 1:
                stack.pop()
            words = []
        elif token == ";":
            stack[-1].append((words, None))
            words = []
        else:
            words.append(token.strip("\"'"))
    return stack[0]


def whole(dump):
    """The configuration with its files where they are included."""
    parts = FILE.split(dump)
    files = dict(zip(parts[1::2], map(blocks, parts[2::2])))
    if not files:
        return blocks(dump)
    first = next(iter(files))

    def included(pattern):
        at = os.path.join(os.path.dirname(first), pattern)
        # As a shell does: * does not go beyond a slash.
        glob = "".join({"*": "[^/]*", "?": "[^/]"}.get(c, c if c in "[]" else re.escape(c)) for c in at)
        return [name for name in files if re.fullmatch(glob, name)]

    def inline(tree, within):
        for words, children in tree:
            if words[:1] == ["include"] and children is None and len(words) > 1:
                for name in included(words[1]):
                    if name not in within:
                        yield from inline(files[name], (*within, name))
            else:
                yield words, children if children is None else list(inline(children, within))

    return list(inline(files[first], (first,)))


def named(children, name):
    return [(words, inner) for words, inner in children or [] if words and words[0] == name]


def below(children, name, past=()):
    """At any depth, but not in `past`."""
    for words, inner in children or []:
        if words and words[0] == name:
            yield words, inner
        if words and words[0] not in past:
            yield from below(inner, name, past)


def port_of(target, upstreams):
    """Of this container's loopback; None when it is not plainly one."""
    address = re.sub(r"^(https?|grpcs?)://", "", target).split("/")[0]
    if address in upstreams:
        return upstreams[address]
    match = re.fullmatch(NAME + r"(?::(\d+))?", address)
    return int(match.group(2) or 80) if match else None


def target_of(location, variables):
    """Where a location passes requests on to; None when it does not."""
    for name in PASSES:
        for words, _ in below(location, name, ("location",)):
            return re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m.group(1), m.group(0)), words[-1])
    return None


def variables_of(children):
    """Those that are set once, and plainly."""
    found = {}
    for words, _ in below(children, "set", ("location",)):
        name = words[1].lstrip("$")
        found[name] = None if name in found or "$" in words[-1] else words[-1]
    return {name: value for name, value in found.items() if value is not None}


def split(words):
    """A location's modifier and path; they may be one word."""
    if len(words) > 2:
        return words[1], words[2]
    return re.fullmatch(r"(=|\^~|~\*?|)(.*)", words[1]).groups()


class Site:
    """What the locations of one server say."""

    def __init__(self, upstreams, server, outside):
        self.upstreams, self.server, self.outside = upstreams, server, outside
        self.routes, self.pages, self.unread = [], [], []
        refuses = any(words[1:] == ["on"] for words, _ in named(server, "ssl_reject_handshake"))
        self.listens = [] if refuses else listens_of(server)
        locations = [(split(words), inner) for words, inner in named(server, "location") if len(words) > 1]
        elsewhere = any(named(server, name) for name in ("return", "proxy_pass"))
        if not elsewhere and not any(path == "/" and modifier in ("", "^~") for (modifier, path), _ in locations):
            locations.append((("", "/"), []))
        for where, inner in locations:
            self.add(where, inner, [*outside, server], variables_of(server))

    def told(self):
        found = {"routes": self.routes, "pages": self.pages, "unread": self.unread}
        return {"listens": self.listens, "name": name_of(self.server), **found}

    def add(self, where, location, around, variables):
        """`around`: what it stands in, from the outside in."""
        modifier, path = where
        own = {**variables, **variables_of(location)}
        for words, inner in named(location, "location"):
            if len(words) > 1:
                self.add(split(words), inner, [*around, location], own)
        # Is for nginx itself, as are those with a name.
        if named(location, "internal") or path.startswith("@"):
            return
        tries = (named(location, "try_files") or [([""], None)])[0][0]
        target = target_of(location, own)
        if target is None and tries[-1].startswith("@"):
            places = [inner for words, inner in named(self.server, "location") if words[-1] == tries[-1]]
            target = next((target_of(inner, own) for inner in places), None)
        plain = modifier in ("", "^~", "=")
        if target is not None:
            port = port_of(target, self.upstreams)
            if plain and port:
                self.routes.append({"path": path, "port": port})
            else:
                self.unread.append({"path": f"{modifier} {path}".strip(), "port": port, "target": target})
        elif plain and not named(location, "return"):
            self.add_pages(where, tries, [*around, location])

    def add_pages(self, where, tries, places):
        """The place itself and the page behind it, where the configuration names one."""
        modifier, path = where
        if len(tries) == 1 and not any(named(place, name) for place in places for name in ("root", "alias")):
            return
        behind = [tries[-1]] if re.fullmatch(r"/[^$=]*\.html?", tries[-1]) else []
        if path != "/" and not behind:
            return
        if not behind and modifier != "=" and (len(tries) == 1 or "$uri/" in tries):
            said = [words[1:] for place in places for words, _ in named(place, "index")]
            names = said[-1] if said else ["index.html"]
            behind = [f"/{name}" for name in names if len(names) == 1 and re.fullmatch(r"[^$/]*\.html?", name)]
        self.pages.append([path, *behind])


def upstreams_of(tree):
    found = {}
    for words, inner in below(tree, "upstream"):
        for server, _ in named(inner, "server"):
            match = re.fullmatch(NAME + r":(\d+)", server[1])
            if match and len(words) > 1:
                found[words[1]] = int(match.group(2))
    return found


def listens_of(server):
    """Where somebody can ask it; not where only a proxy or another program of the container can."""
    said = [words for words, _ in named(server, "listen") if not words[1].startswith("unix:")]
    if not named(server, "listen"):
        return [{"port": 80, "tls": False}]
    # "ssl on" before nginx 1.25, for all that the server listens on.
    whole = any(words[1:] == ["on"] for words, _ in named(server, "ssl"))
    return [
        {"port": int((re.search(r"(?:^|:)(\d+)$", words[1]) or [0, 80])[1]), "tls": whole or "ssl" in words}
        for words in said
        if "proxy_protocol" not in words and "quic" not in words
    ]


def name_of(server):
    """One that may stand in a request; None where every name will do, or only a pattern tells."""
    names = [name for words, _ in named(server, "server_name") for name in words[1:]]
    return next((name for name in names if re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) and name != "_"), None)


def main():
    try:
        dump = subprocess.run(["nginx", "-T", "-q"], capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return print(json.dumps({"failed": str(error)}))
    if dump.returncode != 0:
        return print(json.dumps({"failed": dump.stderr.strip()[-500:] or f"exit code {dump.returncode}"}))
    tree = whole(dump.stdout)
    upstreams = upstreams_of(tree)
    outside = [inner for _, inner in named(tree, "http")]
    # Those of an upstream are servers, too, and have no block.
    servers = [server for _, server in below(tree, "server") if server is not None]
    sites = [Site(upstreams, server, outside) for server in servers]
    print(json.dumps({"sites": [site.told() for site in sites]}))


main()
