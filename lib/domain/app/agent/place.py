"""Puts files where they belong, each by one rename, and removes others. Doing it twice changes nothing more."""


def same(a, b):
    try:
        return os.path.samestat(os.lstat(a), os.lstat(b))
    except FileNotFoundError:
        return False


def remove(path):
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    directory = os.path.dirname(path)
    while directory not in KEPT:
        try:
            os.rmdir(directory)
        except OSError:  # not empty
            return
        directory = os.path.dirname(directory)


def make(directory):
    if not os.path.isdir(directory):
        make(os.path.dirname(directory))
        os.mkdir(directory)
        belong(directory, os.path.dirname(directory))


def belong(path, like):
    owner = os.lstat(like)
    try:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    except PermissionError:
        pass  # without CAP_CHOWN nothing can be given away


def put(source, path):
    if same(source, path):
        return
    make(os.path.dirname(path))
    # An image may have made its files another user's. What was kept is as it was.
    if not source.startswith(ARGS["saved"] + os.sep):
        belong(source, path if os.path.lexists(path) else os.path.dirname(path))
    beside = path + ARGS["suffix"]
    if os.path.lexists(beside):
        os.unlink(beside)
    # A link, so that the source is still there for another try; a rename, so that no reader ever sees half a file.
    os.link(source, beside, follow_symlinks=False)
    os.rename(beside, path)


def main():
    for path in ARGS["remove"]:
        remove(path)
    for source, path in ARGS["put"]:
        put(source, path)
    for path in ARGS["caches"]:
        remove(path)
    for path in ARGS["touch"]:
        os.utime(path)
    os.sync()
    print(json.dumps({"uptime": time.clock_gettime(time.CLOCK_BOOTTIME)}))


KEPT = set(ARGS["keptDirectories"])
main()
