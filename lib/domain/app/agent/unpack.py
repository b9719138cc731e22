"""Makes the files of a tar those below a directory, whatever was in their places, and removes others."""
import shutil
import tarfile

# Owners and modes are those of a container of ours, from Python 3.12 on only where one says so.
WHOLE = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}


def is_directory(path):
    return os.path.isdir(path) and not os.path.islink(path)


def clear(path):
    if is_directory(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def main():
    for path in ARGS["gone"]:
        clear(os.path.join(ARGS["root"], path.lstrip("/")))
    with tarfile.open(ARGS["tar"]) as tar:
        for member in tar:
            path = os.path.join(ARGS["root"], member.name)
            if not (member.isdir() and is_directory(path)):
                clear(path)
            tar.extract(member, ARGS["root"], numeric_owner=True, **WHOLE)
    os.unlink(ARGS["tar"])
    print(json.dumps(None))


main()
