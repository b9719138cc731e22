"""The tables as they are after the last migration; only those that the endpoints use."""


def load_models() -> None:
    """Make every model known to SQLAlchemy, so that relations and migrations see them all."""
    from app.models import credential, note, user  # noqa: F401
