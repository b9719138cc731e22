"""Creates the application as a worker would, without a server, and asks it for its health. Runs in a container that serves nobody."""
import importlib
import sys
from urllib.parse import urlsplit, urlunsplit


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the application prints is no answer
    if ARGS["database"] is not None:
        url = urlsplit(os.environ["DATABASE_URL"])
        os.environ["DATABASE_URL"] = urlunsplit(url._replace(path="/" + ARGS["database"]))
    os.chdir(ARGS["root"])
    sys.path.insert(0, ARGS["root"])
    module, factory = ARGS["factory"].split(":")
    client = getattr(importlib.import_module(module), factory)().test_client()
    said = []
    for path in ARGS["paths"]:
        reply = client.get(path, follow_redirects=True)
        said.append({"path": path, "status": reply.status_code, "type": reply.content_type or "", "body": reply.get_data(as_text=True)})
    json.dump(said, answers)
    answers.close()


main()
