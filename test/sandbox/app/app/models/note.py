"""Rows for tests: something that must survive a deployment."""

from datetime import datetime, timezone

from app import db
from app.release import release


class Note(db.Model):
    """One remembered line."""

    __tablename__ = "notes"

    id = db.Column(db.Integer, primary_key=True)
    text = db.Column(db.Text, nullable=False)
    created_at = db.Column(db.DateTime(timezone=True), nullable=False, default=lambda: datetime.now(timezone.utc))


if release["needs_column"]:
    setattr(Note, release["needs_column"], db.Column(db.Text))
