"""FLASK_APP=app.py names this file, but the package app/ beside it wins, and its factory is what flask finds."""

from app import create_app

if __name__ == "__main__":
    create_app().run(host="127.0.0.1", port=5001)
