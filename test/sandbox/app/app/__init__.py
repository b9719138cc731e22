"""A miniature of WhaleFall: enough to be deployed, migrated, watched and broken."""

import os
import time

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from app.release import release

if release["import_error"]:
    raise ImportError("release.json: import_error")
time.sleep(release["import_delay"])

db = SQLAlchemy()


def database_url() -> str:
    """DATABASE_URL for the driver that we have: Debian 12's SQLAlchemy doesn't know psycopg 3 yet."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        raise RuntimeError("DATABASE_URL is not set")
    return url.replace("postgresql+psycopg://", "postgresql+psycopg2://", 1)


def create_app(*, init_scheduler_on_start: bool = False) -> Flask:
    """Create the application. It doesn't talk to the database or to Redis before a request needs them."""
    if release["factory_error"]:
        raise RuntimeError("release.json: factory_error")
    for name in ("SECRET_KEY", "PASSWORD_ENCRYPTION_KEY"):
        if not os.environ.get(name):
            raise RuntimeError(f"{name} is not set")

    app = Flask("app")
    app.config.update(
        SECRET_KEY=os.environ["SECRET_KEY"],
        SQLALCHEMY_DATABASE_URI=database_url(),
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True, "connect_args": {"connect_timeout": 5}},
        PERMANENT_SESSION_LIFETIME=int(os.environ.get("PERMANENT_SESSION_LIFETIME", "3600")),
        JSON_AS_ASCII=False,
    )
    db.init_app(app)
    _register_migrations(app)

    from app.api import register_api
    from app.models import load_models

    load_models()
    register_api(app)
    if init_scheduler_on_start and os.environ.get("ENABLE_SCHEDULER") == "true":
        from app.scheduler import start_scheduler

        start_scheduler()
    return app


def _register_migrations(app: Flask) -> None:
    """Alembic is slow to import, and only the flask command needs it."""
    import click

    if click.get_current_context(silent=True) is not None:
        from flask_migrate import Migrate

        Migrate(app, db)
