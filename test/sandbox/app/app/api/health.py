"""Health. The deep check says 200 even when it finds something wrong: the body tells."""

import os
import time
from datetime import datetime, timezone

from flask import Blueprint

from app import db
from app.api.envelope import failed, ok
from app.models.note import Note
from app.release import booted_at, release

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/basic")
def basic():
    """Does this process answer? Touches neither the database nor Redis."""
    if release["never_healthy"]:
        return failed("release.json: never_healthy", 503)
    return ok({"status": "healthy", "timestamp": time.time(), "version": os.environ.get("APP_VERSION", "")})


def deep():
    """Do the database and Redis answer too?"""
    database = "error" if _is_sick() or not _database_answers() else "connected"
    redis = "connected" if _redis_answers() else "error"
    healthy = database == redis == "connected"
    return ok(
        {
            "status": "healthy" if healthy else "unhealthy",
            "database": database,
            "redis": redis,
            "timestamp": datetime.now(timezone.utc).isoformat(),
            "uptime": f"{int(time.time() - booted_at)} s",
        }
    )


if release["deep_path"] in ("new", "both"):
    blueprint.add_url_rule("/health", view_func=deep, endpoint="deep", strict_slashes=False)
if release["deep_path"] in ("old", "both"):
    blueprint.add_url_rule("/health/health", view_func=deep, endpoint="deep_old")


def _is_sick() -> bool:
    return bool(release["deep_unhealthy"] or (release["sick_when"] and os.path.exists(release["sick_when"])))


def _database_answers() -> bool:
    try:
        db.session.execute(db.text("SELECT 1"))
        if release["needs_column"]:
            Note.query.limit(1).all()
        return True
    except Exception:
        db.session.rollback()
        return False


def _redis_answers() -> bool:
    import redis

    try:
        client = redis.Redis.from_url(os.environ["CACHE_REDIS_URL"], socket_timeout=3, socket_connect_timeout=3)
        client.set("health_check", "ok", ex=10)
        return client.get("health_check") == b"ok"
    except (redis.RedisError, KeyError, ValueError):
        return False
