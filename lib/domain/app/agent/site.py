"""Renders the nginx site as the container's next start will, and has nginx test it, away from the real configuration."""
import subprocess


def as_entrypoint():
    """The entrypoint's: what it exported, over it what its .env says now."""
    with open("/proc/1/environ", "rb") as file:
        first = dict(item.split(b"=", 1) for item in file.read().split(b"\0") if b"=" in item)
    script = 'set -a; [ ! -f "$1" ] || . "$1"; exec env -0'
    output = subprocess.run(["bash", "-c", script, "env", ARGS["env"]], env=first, capture_output=True, timeout=10)
    over = {name.encode(): value.encode() for name, value in ARGS.get("over", {}).items()}
    return first | dict(item.split(b"=", 1) for item in output.stdout.split(b"\0") if b"=" in item) | over


def main():
    if ARGS.get("onlyLook") and not os.path.exists(ARGS["template"]):
        return print("null")
    with open(ARGS["template"], "rb") as file:
        template = file.read()
    # nginx has variables of its own that look the same: only those of the application's are replaced.
    names = sorted(set(re.findall(rb"\$\{?(WHALEFALL_\w+)\}?", template)))
    listed = b" ".join(b"${%s}" % name for name in names)
    rendered = subprocess.run(
        ["envsubst", listed], input=template, env=as_entrypoint(), capture_output=True, timeout=10, check=True
    ).stdout if names else template
    with open(ARGS["rendered"], "wb") as file:
        file.write(rendered)
    with open("/etc/nginx/nginx.conf") as file:
        main_config = file.read()
    alone = re.sub(r"include\s+\S*sites-enabled/[^;]*;", f"include {ARGS['rendered']};", main_config)
    # Beside the real one, because relative paths start from where it lies.
    config = f"/etc/nginx/.whalefall-ops-{os.getpid()}.conf"
    try:
        with open(config, "w") as file:
            file.write(alone)
        test = subprocess.run(["nginx", "-t", "-q", "-c", config], capture_output=True, text=True, timeout=20)
    finally:
        os.unlink(config)
        if ARGS.get("onlyLook"):
            os.unlink(ARGS["rendered"])
    included = alone != main_config
    said = test.stderr[-2000:] if included else "/etc/nginx/nginx.conf includes nothing of sites-enabled\n"
    print(json.dumps({"ok": test.returncode == 0 and included, "said": said, "included": included}))


main()
