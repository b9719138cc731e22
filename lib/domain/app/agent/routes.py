"""What nginx serves, by its own configuration: which place leads to which port, and which are files."""
import json
import re
import subprocess

TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|[^\s{};]+""")


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


def named(children, name):
    return [(words, inner) for words, inner in children or [] if words and words[0] == name]


def below(children, name):
    """At any depth: the configuration's files follow one another, and include what is within others."""
    for words, inner in children or []:
        if words and words[0] == name:
            yield words, inner
        yield from below(inner, name)


def port_of(url, upstreams):
    match = re.match(r"https?://([^/:;]+)(?::(\d+))?", url)
    if not match:
        return None
    host, port = match.groups()
    if host in upstreams:
        return upstreams[host]
    return int(port or 80) if host in ("127.0.0.1", "localhost", "[::1]") else None


def main():
    dump = subprocess.run(["nginx", "-T", "-q"], capture_output=True, text=True, errors="replace", timeout=20)
    tree = blocks(dump.stdout)
    upstreams = {}
    for words, inner in below(tree, "upstream"):
        for server, _ in named(inner, "server"):
            match = re.match(r"(?:127\.0\.0\.1|localhost):(\d+)$", server[1])
            if match and len(words) > 1:
                upstreams[words[1]] = int(match.group(1))
    routes = []
    for _, server in below(tree, "server"):
        for words, inner in named(server, "location"):
            modifier, path = (words[1], words[2]) if len(words) > 2 else ("", words[1])
            # Others match by a pattern, or are only for nginx itself.
            if modifier not in ("", "^~", "=") or not path.startswith("/") or named(inner, "internal"):
                continue
            proxied = [port_of(found[1], upstreams) for found, _ in below(inner, "proxy_pass")]
            files = named(inner, "root") or named(inner, "alias") or named(inner, "try_files") or named(server, "root")
            if proxied and proxied[0]:
                routes.append({"path": path, "port": proxied[0]})
            elif files and not proxied:
                routes.append({"path": path, "port": None})
    print(json.dumps(routes))


main()
