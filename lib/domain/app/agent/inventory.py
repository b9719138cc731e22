"""What lies under a directory, and certain files elsewhere: each with git's own name for its content, so that it can be compared with a commit.
And the whole content of a few small ones."""
import glob
import hashlib
import json
import os
import re
import stat

ENCODINGS = []


def blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path):
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return {"mode": "120000", "blob": blob(os.fsencode(os.readlink(path)))}
    if not stat.S_ISREG(mode):
        return None
    with open(path, "rb") as file:
        data = file.read()
    found = {"mode": "100755" if mode & 0o100 else "100644", "blob": blob(data)}
    normalized = [blob(text) for text in checked_in(data) if text != data]
    return {**found, "normalized": normalized} if normalized else found


def checked_in(data):
    """What git would check in, had it been checked out with eol=crlf or ident, or in another encoding."""
    for text in (data, *decoded(data)):
        yield re.sub(rb"\$Id:[^$\n]*\$", b"$Id$", text.replace(b"\r\n", b"\n"))


def decoded(data):
    for encoding in ENCODINGS:
        try:
            yield data.decode(encoding).encode()
        except (LookupError, UnicodeError):
            pass


def encodings(root):
    """Those of work trees that the attributes at the top name, where the image has them."""
    try:
        with open(os.path.join(root, ".gitattributes"), "rb") as file:
            named = re.findall(rb"working-tree-encoding=([\w.:-]+)", file.read())
    except OSError:
        return []
    # Python's UTF-16 reads the mark at the beginning, git's -BOM says that there is one.
    return sorted({name.decode().upper().replace("LE-BOM", "").replace("BE-BOM", "") for name in named})


def elsewhere():
    """Certain files, by their whole path; of a directory (with a slash at its end) those directly in it."""
    found = {}
    for path in ARGS["also"]:
        inside = [path + name for name in os.listdir(path)] if path.endswith("/") and os.path.isdir(path) else [path]
        for file in inside:
            what = entry(file) if os.path.lexists(file) else None
            if what:
                found[file] = what
    return found


def contents():
    """By their whole path; None for what is no file, or can't be read."""
    found = {}
    for path in (path for pattern in ARGS["contents"] for path in glob.glob(pattern)):
        try:
            with open(path, errors="replace") as file:
                found[path] = file.read()
        except OSError:
            found[path] = None
    return found


def main():
    root, skipped = ARGS["root"], set(ARGS["skipped"])
    ENCODINGS.extend(encodings(root))
    files = {}
    for directory, names, leaves in os.walk(root):
        below = os.path.relpath(directory, root)
        inside = lambda name: os.path.normpath(os.path.join(below, name))
        links = [n for n in names if os.path.islink(os.path.join(directory, n))]
        names[:] = [n for n in names if n not in links and n != "__pycache__" and inside(n) not in skipped]
        for name in leaves + links:
            if inside(name) not in skipped and not name.endswith(".pyc"):
                found = entry(os.path.join(directory, name))
                if found:
                    files[inside(name)] = found
    print(json.dumps({"files": files, "elsewhere": elsewhere(), "contents": contents()}))


main()
