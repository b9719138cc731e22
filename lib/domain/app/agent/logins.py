"""Logs in anew as the application does, from its own container, with its own driver: once with what its process has, once with what its next
start will have. A pool that lives on says nothing about either."""
import socket
import ssl
import threading
import urllib.parse

SECONDS = 3


def driver():
    for name in ("psycopg", "psycopg2"):
        try:
            return __import__(name)
        except ImportError:
            continue
    return None


DRIVER = driver()


def postgres(url):
    if DRIVER is None:
        return {"asked": False, "said": "no psycopg"}
    parts = urllib.parse.urlsplit(url)
    unquote = urllib.parse.unquote
    try:
        connection = DRIVER.connect(
            host=parts.hostname,
            port=parts.port or 5432,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            dbname=parts.path.lstrip("/"),
            connect_timeout=SECONDS,
            application_name="whalefall-ops doctor",
        )
    except Exception as error:  # noqa: BLE001 every driver has errors of its own
        return {"asked": True, "ok": False, "said": str(error).strip()[:400]}
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
        recovery, read_only = cursor.fetchone()
        return {"asked": True, "ok": True, "said": "", "recovery": recovery, "readOnly": read_only == "on"}
    except Exception as error:  # noqa: BLE001
        return {"asked": True, "ok": False, "said": str(error).strip()[:400]}
    finally:
        connection.close()


def redis(url):
    parts = urllib.parse.urlsplit(url)
    unquote = urllib.parse.unquote
    words = [unquote(word) for word in (parts.username, parts.password) if word]
    lines = ([["AUTH", *words]] if words else []) + [["PING"]]
    said = ""
    try:
        with socket.create_connection((parts.hostname, parts.port or 6379), SECONDS) as plain:
            plain.settimeout(SECONDS)
            connection = ssl._create_unverified_context().wrap_socket(plain) if parts.scheme == "rediss" else plain
            for line in lines:
                encoded = [word.encode() for word in line]
                connection.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded))
                said = connection.recv(1000).decode("utf-8", "replace").strip()
                if said.startswith("-"):
                    break
    except OSError as error:
        return {"asked": True, "ok": False, "said": f"{parts.hostname}: {error}"[:400]}
    # Whatever else the server can't do just now (save, write, answer while it loads) is no matter of who asks.
    refused = not said or re.match(r"-(NOAUTH|WRONGPASS|NOPERM|DENIED|ERR)\b", said)
    return {"asked": True, "ok": not refused, "said": said[:400] if refused else ""}


def main():
    has = environment(ARGS["pid"]) if ARGS["pid"] else {}
    answer = {"database": {}, "redis": {}}

    def ask(kind, when, login, url):
        answer[kind][when] = login(url)

    threads = []
    for kind, variable, login in (("database", "DATABASE_URL", postgres), ("redis", "CACHE_REDIS_URL", redis)):
        urls = {"now": has.get(variable), "next": ARGS["next"].get(variable)}
        if urls["now"] == urls["next"]:
            del urls["next"]
        for when, url in urls.items():
            if url:
                threads.append(threading.Thread(target=ask, args=(kind, when, login, url)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 2)
    for kind, variable in (("database", "DATABASE_URL"), ("redis", "CACHE_REDIS_URL")):
        if has.get(variable) and has.get(variable) == ARGS["next"].get(variable) and "now" in answer[kind]:
            answer[kind]["next"] = answer[kind]["now"]
    print(json.dumps(answer))


main()
