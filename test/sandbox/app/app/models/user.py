"""People who may log in."""

import os
from datetime import datetime, timezone

from app import db

PASSWORD_MIN_LENGTH = 8


def check_password_rules(password: str) -> None:
    """Raise ValueError unless the password has eight characters, upper and lower case, and a digit."""
    if len(password) < PASSWORD_MIN_LENGTH:
        raise ValueError(f"password needs at least {PASSWORD_MIN_LENGTH} characters")
    for test, what in ((str.isupper, "an upper case letter"), (str.islower, "a lower case letter"), (str.isdigit, "a digit")):
        if not any(test(character) for character in password):
            raise ValueError(f"password needs {what}")


class User(db.Model):
    """One account; the column password holds a bcrypt hash."""

    __tablename__ = "users"

    id = db.Column(db.Integer, primary_key=True)
    username = db.Column(db.String(255), unique=True, nullable=False)
    password = db.Column(db.String(255), nullable=False)
    role = db.Column(db.String(50), nullable=False, default="user")
    created_at = db.Column(db.DateTime(timezone=True), nullable=False, default=lambda: datetime.now(timezone.utc))
    last_login = db.Column(db.DateTime(timezone=True))
    is_active = db.Column(db.Boolean, nullable=False, default=True)

    def __init__(self, username=None, password=None, role="user"):
        self.username = username
        self.role = role
        if password is not None:
            self.set_password(password)

    def set_password(self, password: str) -> None:
        """Check the rules, then keep the hash only."""
        import bcrypt

        check_password_rules(password)
        rounds = int(os.environ.get("BCRYPT_LOG_ROUNDS", "12"))
        self.password = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()

    def check_password(self, password: str) -> bool:
        """Does the password fit the hash?"""
        import bcrypt

        return bcrypt.checkpw(password.encode(), self.password.encode())

    def is_admin(self) -> bool:
        """Administrators are told by their role."""
        return self.role == "admin"
