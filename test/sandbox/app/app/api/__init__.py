"""The endpoints, and the ways in which a release can misbehave on all of them."""

import time

from flask import Flask
from werkzeug.exceptions import HTTPException

from app.api.envelope import failed
from app.release import release


def register_api(app: Flask) -> None:
    """Add every endpoint to the application."""
    from app.api import data, health, probe

    for part in (health, probe, data):
        app.register_blueprint(part.blueprint, url_prefix="/api/v1")

    @app.before_request
    def misbehave():
        if release["slow"]:
            time.sleep(release["slow"])
        if release["error_500"]:
            return failed("release.json: error_500", 500)
        return None

    @app.errorhandler(Exception)
    def answer_error(error):
        if isinstance(error, HTTPException):
            return failed(error.description, error.code)
        app.logger.exception("request failed")
        return failed("internal error", 500)
