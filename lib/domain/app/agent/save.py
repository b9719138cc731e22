"""Keeps what is about to be replaced or removed, as links to the very files. Answers which of the paths exist."""


def main():
    saved = []
    for path in ARGS["paths"]:
        copy = ARGS["into"] + path
        if not os.path.lexists(path) or (os.path.isdir(path) and not os.path.islink(path)):
            continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        if not os.path.lexists(copy):
            os.link(path, copy, follow_symlinks=False)
        saved.append(path)
    os.sync()
    print(json.dumps(saved))


main()
