"""Packs what there is of these paths into a tar on stdout, each alone: of a directory what it is, and not what is in it."""
import sys
import tarfile


def main():
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        for path in ARGS["paths"]:
            if os.path.lexists(path):
                tar.add(path, recursive=False)


main()
