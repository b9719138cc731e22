"""Every answer has the same shape."""

from datetime import datetime, timezone

from flask import jsonify


def ok(data, message="ok", status=200):
    """The answer to a request that worked."""
    return _envelope(success=True, message=message, data=data), status


def failed(message: str, status: int):
    """The answer to a request that did not."""
    return _envelope(success=False, message=message, data=None), status


def _envelope(*, success: bool, message: str, data):
    timestamp = datetime.now(timezone.utc).isoformat()
    return jsonify(success=success, error=not success, message=message, timestamp=timestamp, data=data)
