"""Has Python compile a staged release's files. No byte code is kept: files go into place alone, and Python makes its own there."""
import traceback


def main():
    errors = []
    for path in ARGS["files"]:
        try:
            with open(os.path.join(ARGS["staged"], path), "rb") as file:
                compile(file.read(), os.path.join(ARGS["root"], path), "exec", dont_inherit=True)
        except Exception as error:
            why = "".join(traceback.format_exception_only(type(error), error))
            errors.append({"path": path, "why": why.strip()[-600:]})
    print(json.dumps(errors))


main()
