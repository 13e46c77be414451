"""What stands at the ends of the alerts' way: a page of metrics, webhooks, and a mailbox, on 127.0.0.1."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    """Serves in a thread until the block ends; gives the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Shown:
    """A page of metrics whose values the test sets, by series."""

    values: dict[str, float] = field(default_factory=dict)

    def server(self) -> http.server.ThreadingHTTPServer:
        """Returns a server of the page, on a port of the system's choice."""
        values = self.values

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = "".join(f"{series} {value}\n" for series, value in list(values.items()))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *said: object) -> None:
                """Says nothing."""

        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)


@dataclass
class Told:
    """What arrived, in order: by webhook as JSON, by mail as text."""

    posts: list[tuple[str, Any]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def at(self, path: str) -> list[Any]:
        """Returns what arrived at a path."""
        return [body for where, body in list(self.posts) if where == path]

    def webhooks(self) -> http.server.ThreadingHTTPServer:
        """Returns a server that takes whatever is posted to it."""
        told = self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.tokens.append(self.headers.get("Authorization", ""))
                told.posts.append((self.path, json.loads(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *said: object) -> None:
                """Says nothing."""

        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)

    def mailbox(self) -> socketserver.ThreadingTCPServer:
        """Returns a mail server that takes every letter (RFC 5321, the least of it)."""
        told = self

        class Letter(socketserver.StreamRequestHandler):
            answers: ClassVar = {b"EHLO": b"250 here", b"DATA": b"354 go on", b"QUIT": b"221 bye"}

            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line[:4].upper().strip()
                    self.wfile.write(self.answers.get(word, b"250 ok") + b"\r\n")
                    if word == b"DATA":
                        told.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                        self.wfile.write(b"250 taken\r\n")
                    if word == b"QUIT":
                        return

        return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Letter)
