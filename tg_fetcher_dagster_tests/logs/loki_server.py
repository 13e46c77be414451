"""A server that takes Loki's push format, and can be slow, refuse, or be gone."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

LARGEST = 4 * 1024 * 1024
"""Bytes of a push that Loki takes as it comes (`grpc_server_max_recv_msg_size`)."""


@dataclass
class Loki:
    """What it was pushed, and how it answers.

    Attributes:
        answers: the next ones; 204 where none are left. Loki's own are 429 (too many), 500, 503 and 400.
        lines: each with its labels and time, in the order of arrival.
        hold: while it is set a push waits for its answer.
    """

    port: int = 0
    answers: list[int] = field(default_factory=list)
    lines: list[tuple[dict[str, str], int, dict[str, Any]]] = field(default_factory=list)
    pushes: int = 0
    auth: set[str] = field(default_factory=set)
    hold: threading.Event = field(default_factory=threading.Event)
    hold_ends: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def events(self) -> list[str]:
        return [line["event"] for _, _, line in self.lines]

    def take(self, path: str, content_type: str, body: bytes, auth: str | None) -> int:
        """Checks a push as Loki does ("Push log entries") and returns the answer's status."""
        self.arrived.set()
        while self.hold.is_set():
            self.hold_ends.wait()
        self.pushes += 1
        self.auth |= {base64.b64decode(auth.split()[1]).decode()} if auth else set()
        if self.answers:
            return self.answers.pop(0)
        assert path == "/loki/api/v1/push"
        assert content_type == "application/json"
        assert len(body) <= LARGEST
        taken = []
        for stream in orjson.loads(body)["streams"]:
            labels = stream["stream"]
            assert labels
            assert all(isinstance(value, str) for value in labels.values())
            for moment, text in stream["values"]:
                assert isinstance(moment, str)
                taken.append((labels, int(moment), orjson.loads(text)))
        self.lines += taken
        return 204

    def release(self) -> None:
        """Lets the pushes go on that wait."""
        self.hold.clear()
        self.hold_ends.set()


@contextmanager
def serve(loki: Loki) -> Iterator[Loki]:
    """Serves it, on its port if it has one, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            status = loki.take(self.path, kind, body, self.headers["Authorization"])
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                return  # who pushed has gone

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", loki.port), Handler)
    server.daemon_threads = True
    loki.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield loki
    finally:
        loki.release()
        server.shutdown()
        server.server_close()
        thread.join()
