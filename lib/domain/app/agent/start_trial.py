"""Stands where supervisord would be, in a container that starts as its image starts: what the entrypoint made ready is tried by those who would
use it, and nothing begins to serve. supervisord's own parser reads its configuration; nginx and gunicorn test theirs. Reports in a file.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys

SECONDS = 120


def say(tried, wrong):
    # Into a file of the one who asks: where its output goes, the entrypoint decides.
    with open(os.environ["WFOPS_REPORT"], "w") as report:
        json.dump({"tried": tried, "wrong": wrong}, report)
    sys.exit(1 if wrong else 0)


def configured():
    """What supervisord would start; on a configuration that it would not take, it has said so and ended."""
    from supervisor.options import ServerOptions

    options = ServerOptions()
    try:
        options.realize(sys.argv[1:])
    except SystemExit:
        say([], "supervisord does not take its configuration")
    return [program for group in options.process_group_configs for program in group.process_configs]


def trial_of(argv):
    """How a program tries its own configuration without serving, if it can."""
    names = [os.path.basename(word) for word in argv]
    if names[0] == "nginx":
        return argv + ["-t"]
    return argv + ["--check-config"] if "gunicorn" in names else None


def wrong_with(program, variable):
    argv = shlex.split(program.command)
    # Whatever it is for: nothing may be scheduled twice.
    env = {**os.environ, **(program.environment or {}), variable: "false"}
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        return "there is no command " + argv[0]
    trial = trial_of(argv)
    if trial is None:
        return None
    how = {"user": program.uid} if program.uid is not None else {}
    try:
        done = subprocess.run(
            trial, cwd=program.directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, **how
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    said = done.stdout.decode("utf-8", "replace").strip()
    return None if done.returncode == 0 else "exit code %d\n%s" % (done.returncode, said[-1500:])


def main(*_):
    variable = os.environ["WFOPS_SCHEDULER_VARIABLE"]
    programs = configured()
    if not programs:
        say([], "supervisord would start no program")
    for program in programs:
        wrong = wrong_with(program, variable)
        if wrong:
            say([], "%s: %s" % (program.name, wrong))
    say([program.name for program in programs], None)


if __name__ == "__main__":
    main()
