"""What lies under a directory, and certain files elsewhere: each with git's own name for its content, so that it can be compared with a commit.
And the whole content of a few small ones."""
import fnmatch
import glob
import hashlib
import stat

# (directory, pattern, encoding or None), the first two in their parts, in the order of gitattributes(5).
ENCODINGS = []


def blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path, encoding=None):
    try:
        return read(path, encoding)
    except (FileNotFoundError, NotADirectoryError):
        return None  # it went while we looked


def read(path, encoding):
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return {"mode": "120000", "blob": blob(os.fsencode(os.readlink(path)))}
    if not stat.S_ISREG(mode):
        return None
    with open(path, "rb") as file:
        data = file.read()
    found = {"mode": "100755" if mode & 0o100 else "100644", "blob": blob(data)}
    normalized = [blob(text) for text in checked_in(data, encoding) if text != data]
    return {**found, "normalized": normalized} if normalized else found


def checked_in(data, encoding):
    """What git would check in, had it been checked out with eol=crlf or ident, or in this encoding."""
    texts = [data]
    try:
        texts += [data.decode(encoding).encode()] if encoding else []
    except (LookupError, UnicodeError):
        pass
    return [re.sub(rb"\$Id:[^$\n]*\$", b"$Id$", text.replace(b"\r\n", b"\n")) for text in texts]


def encoding_of(path):
    """The work tree's, by the attributes that the image has; the last line that fits decides."""
    parts = path.split("/")
    fitting = [encoding for below, pattern, encoding in ENCODINGS if parts[: len(below)] == below and fits(pattern, parts[len(below) :])]
    return fitting[-1] if fitting else None


def fits(pattern, parts):
    """Whether a path is what a pattern of gitattributes(5) means, both in their parts."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(fits(pattern[1:], parts[skipped:]) for skipped in range(len(parts)))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and fits(pattern[1:], parts[1:])


def read_encodings(below, file):
    """Notes what the attributes of a directory say of encodings. Those of a directory below come later, so that they decide."""
    with open(file, "rb") as opened:
        lines = opened.read().decode(errors="replace").splitlines()
    for pattern, *attributes in filter(None, map(str.split, lines)):
        for attribute in attributes:
            name, _, encoding = attribute.partition("=")
            if name.lstrip("-!") == "working-tree-encoding":
                anchored = pattern.lstrip("/").split("/") if "/" in pattern else ["**", pattern]
                # Python's UTF-16 reads the mark at the beginning, git's -BOM says that there is one.
                ENCODINGS.append((below, anchored, re.sub("[BL]E-BOM$", "", encoding.upper()) or None))


def elsewhere():
    """Certain files, by their whole path; of a directory (with a slash at its end) those directly in it."""
    found = {}
    for path in ARGS["also"]:
        inside = [path + name for name in os.listdir(path)] if path.endswith("/") and os.path.isdir(path) else [path]
        for file in inside:
            what = entry(file)
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
    files = {}
    for directory, names, leaves in os.walk(root):
        below = os.path.relpath(directory, root)
        inside = lambda name: os.path.normpath(os.path.join(below, name))
        if ".gitattributes" in leaves:
            read_encodings([] if below == "." else below.split("/"), os.path.join(directory, ".gitattributes"))
        links = [n for n in names if os.path.islink(os.path.join(directory, n))]
        names[:] = [n for n in names if n not in links and n != "__pycache__" and inside(n) not in skipped]
        for name in leaves + links:
            if inside(name) not in skipped and not name.endswith(".pyc"):
                found = entry(os.path.join(directory, name), encoding_of(inside(name)))
                if found:
                    files[inside(name)] = found
    print(json.dumps({"files": files, "elsewhere": elsewhere(), "contents": contents()}))


main()
