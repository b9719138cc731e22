"""Passwords of other systems. Only PASSWORD_ENCRYPTION_KEY opens them: a new key makes them unreadable."""

import os

from app import db


def _fernet():
    from cryptography.fernet import Fernet

    return Fernet(os.environ["PASSWORD_ENCRYPTION_KEY"].encode())


class Credential(db.Model):
    """One stored login."""

    __tablename__ = "credentials"

    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(255), unique=True, nullable=False)
    credential_type = db.Column(db.String(50), nullable=False, default="database")
    username = db.Column(db.String(255), nullable=False)
    password = db.Column(db.String(255), nullable=False)

    def __init__(self, name: str, username: str, password: str):
        self.name, self.username, self.credential_type = name, username, "database"
        self.password = _fernet().encrypt(password.encode()).decode()

    def plain_password(self) -> str:
        """The password itself; raises when the key is another one than it was stored with."""
        return _fernet().decrypt(self.password.encode()).decode()
