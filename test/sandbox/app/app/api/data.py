"""Endpoints that keep something: rows, stored passwords, accounts, files."""

from flask import Blueprint, request, send_from_directory

from app import db
from app.api.envelope import failed, ok
from app.models.credential import Credential
from app.models.note import Note
from app.models.user import User
from app.release import ROOT

blueprint = Blueprint("data", __name__)
UPLOADS = ROOT / "userdata" / "uploads"


@blueprint.get("/notes")
def notes():
    """All notes, oldest first."""
    rows = Note.query.order_by(Note.id).all()
    return ok([{"id": row.id, "text": row.text} for row in rows])


@blueprint.post("/notes")
def add_note():
    """Keep one note."""
    row = Note(text=str((request.get_json(silent=True) or {}).get("text", "")))
    db.session.add(row)
    db.session.commit()
    return ok({"id": row.id, "text": row.text}, status=201)


@blueprint.post("/credentials")
def add_credential():
    """Keep one password, encrypted."""
    body = request.get_json()
    row = Credential(body["name"], body["username"], body["password"])
    db.session.add(row)
    db.session.commit()
    return ok({"id": row.id}, status=201)


@blueprint.get("/credentials/<name>")
def credential(name: str):
    """The stored password in clear: here it proves that the encryption key is still the right one."""
    row = Credential.query.filter_by(name=name).first_or_404()
    return ok({"username": row.username, "password": row.plain_password()})


@blueprint.post("/auth/login")
def login():
    """Is this the account's password?"""
    body = request.get_json()
    user = User.query.filter_by(username=body["username"]).first()
    if user is None or not user.check_password(body["password"]):
        return failed("wrong username or password", 401)
    return ok({"username": user.username, "role": user.role})


@blueprint.post("/upload")
def upload():
    """Keep a file: ?name=…, the content is the request's body."""
    name = request.args.get("name", "")
    if not name or "/" in name or name.startswith("."):
        return failed("bad file name", 400)
    UPLOADS.mkdir(parents=True, exist_ok=True)
    (UPLOADS / name).write_bytes(request.get_data())
    return ok({"name": name, "size": (UPLOADS / name).stat().st_size}, status=201)


@blueprint.get("/upload/<name>")
def uploaded(name: str):
    """The file's content."""
    return send_from_directory(UPLOADS, name)
