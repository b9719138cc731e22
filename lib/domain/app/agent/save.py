"""Keeps what is about to be replaced or removed, as links to the very files. What a run had replaced that was killed is kept as that run had found it:
whoever goes back goes back to that. Answers which of the paths there were, which not, and whether any of it is a killed run's.
"""


def of_killed():
    """By its path, where what a killed run had found is kept; None for what it did not find. The first run's, where several were killed."""
    found = {}
    for run in ARGS["killed"]:
        old = os.path.join(run, "old")
        for path in json.loads(read(os.path.join(run, LIST)) or "[]"):
            found.setdefault(path, old + path if os.path.lexists(old + path) else None)
    return found


def is_file(path):
    return os.path.lexists(path) and not (os.path.isdir(path) and not os.path.islink(path))


def keep(source, path):
    copy = ARGS["into"] + path
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    if not os.path.lexists(copy):
        os.link(source, copy, follow_symlinks=False)


def main():
    killed = of_killed()
    sources = {**{path: path if is_file(path) else None for path in ARGS["paths"]}, **killed}
    for path, source in sources.items():
        if source:
            keep(source, path)
    listed = os.path.join(os.path.dirname(ARGS["into"]), LIST)
    with open(listed + ".part", "w") as file:
        json.dump(list(sources), file)
    os.rename(listed + ".part", listed)
    os.sync()
    there, absent = ([path for path, source in sources.items() if bool(source) is wanted] for wanted in (True, False))
    print(json.dumps({"there": there, "absent": absent, "ofKilled": bool(killed)}))


LIST = ARGS["list"]
main()
