"""Compiles a staged release's Python files. The byte code says where the file will be, and is checked by content, not by time."""
import py_compile


def main():
    staged, root = ARGS["staged"], ARGS["root"]
    errors = []
    for path in ARGS["files"]:
        try:
            py_compile.compile(
                os.path.join(staged, path),
                dfile=os.path.join(root, path),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
        except py_compile.PyCompileError as error:
            errors.append({"path": path, "why": error.msg.strip()[-600:]})
        except (OSError, ValueError) as error:
            errors.append({"path": path, "why": str(error)})
    print(json.dumps(errors))


main()
