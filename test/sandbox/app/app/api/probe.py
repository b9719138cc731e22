"""Endpoints that let a test see which code answers, and load it."""

import os
import time

from flask import Blueprint, request

from app.api.envelope import ok
from app.release import booted_at, commit, release

blueprint = Blueprint("probe", __name__)
_commit = commit()


@blueprint.get("/version")
def version():
    """Which release is this worker running, and since when?"""
    return ok(
        {
            "marker": release["marker"],
            "commit": _commit,
            "version": os.environ.get("APP_VERSION", ""),
            "pid": os.getpid(),
            "booted_at": booted_at,
        }
    )


@blueprint.post("/echo")
def echo():
    """Give back what was sent."""
    return ok({"body": request.get_data(as_text=True)})


@blueprint.get("/slow")
def slow():
    """Take as long as asked for, at most a minute."""
    seconds = min(float(request.args.get("s", "2")), 60)
    time.sleep(seconds)
    return ok({"slept": seconds})


@blueprint.get("/scheduler/")
def scheduler():
    """The scheduler's state, as the process that answers knows it: nginx asks the scheduler's own."""
    from app.scheduler import state

    return ok({**state, "answered_by": os.getpid()})
