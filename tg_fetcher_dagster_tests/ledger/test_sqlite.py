"""SQLite as it must be: local, patient, whole when the disk is full, and with a log that does not grow."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import engines, file_system
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import fact, keep_fact
from tg_fetcher_dagster.ledger.file_system import file_system_of, is_network
from tg_fetcher_dagster.ledger.schema import make_ledger

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /mnt/a\040share rw,relatime - nfs4 server:/export rw,vers=4.2
31 30 0:26 / /mnt/a\040share/local rw - xfs /dev/vdb rw
32 22 0:27 / /srv rw - ext4 /dev/vdc rw
33 22 0:28 / /srv rw - cifs //server/share rw
34 22 0:29 / /home/me/remote rw,nosuid,nodev - fuse.sshfs me@host: rw
not a line
"""


@pytest.fixture
def sqlite(tmp_path):
    """An SQLite ledger, whatever database the other tests run on."""
    path = tmp_path / "ledger" / "ledger.sqlite"
    make_ledger(f"sqlite:///{path}")
    return path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/var/lib/data", "ext4"),
        ("/mnt/a share/data", "nfs4"),
        ("/mnt/a share/local/data", "xfs"),
        ("/mnt/a shared/data", "ext4"),
        ("/srv/data", "cifs"),
        ("/home/me/remote", "fuse.sshfs"),
        ("/", "ext4"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(path, found):
    assert file_system_of(MOUNTS, Path(path)) == found


def test_where_no_mount_is_told_of_nothing_is_known():
    assert file_system_of("", Path("/data")) is None


def test_network_file_systems_are_told_from_local_ones():
    network = {"nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
    local = {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "virtiofs", "fuse.fuse-overlayfs", "fuseblk"}
    assert {each for each in network | local if is_network(each)} == network


def test_a_ledger_on_a_network_file_system_is_neither_made_nor_opened(sqlite, monkeypatch, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"30 22 0:25 / {tmp_path} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(file_system, "MOUNTS", mounts)
    for use, url in (
        (Ledger.open, f"sqlite:///{sqlite}"),
        (make_ledger, f"sqlite:///{tmp_path}/new/ledger.sqlite"),
        (Ledger.open, f"sqlite:///{tmp_path}/new/ledger.sqlite"),
    ):
        with pytest.raises(FetchError, match=r"network file system \(nfs4\).*Postgres") as refused:
            use(url)
        assert refused.value.error_type is ErrorType.VALIDATION
        assert "\n" not in refused.value.message
    assert not (tmp_path / "new").exists()


FULL = """
import resource, signal, sys
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, resource.RLIM_INFINITY))
kept = 0
for number in range(100):
    try:
        with ledger.write() as connection:
            for part in range(8):
                keep_fact(connection, f"{number}-{part}", "x" * 8000)
    except FetchError as error:
        print(error.error_type.value, error.message)
        break
    kept = number + 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with ledger.write() as connection:
    keep_fact(connection, "after", "works again")
print(kept)
"""


def test_a_full_disk_is_one_line_leaves_nothing_half_written_and_works_again_afterwards(sqlite):
    url = f"sqlite:///{sqlite}"
    done = subprocess.run([sys.executable, "-c", FULL, url], capture_output=True, text=True, check=True)
    refusal, kept = done.stdout.splitlines()
    assert refusal.startswith("storage ")
    assert "full" in refusal
    assert 0 < int(kept) < 100
    with Ledger.open(url) as ledger, ledger.read() as connection:
        names = set(connection.execute(sa.text("SELECT name FROM facts WHERE name LIKE '%-%'")).scalars())
        assert names == {f"{number}-{part}" for number in range(int(kept)) for part in range(8)}
        assert fact(connection, "after") == "works again"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_the_log_grows_beside_a_long_reader_and_shrinks_once_it_leaves(sqlite, monkeypatch):
    monkeypatch.setattr(engines, "LOG_BYTES", 1024 * 1024)
    log = sqlite.with_name(f"{sqlite.name}-wal")

    def write_much(ledger):
        for number in range(40):
            with ledger.write() as connection:
                keep_fact(connection, f"much-{number}", "x" * 200_000)

    with Ledger.open(f"sqlite:///{sqlite}") as ledger:
        with ledger.read() as reader:
            assert fact(reader, "much-0") is None
            write_much(ledger)
            assert fact(reader, "much-0") is None, "a reader sees one moment"
            assert log.stat().st_size > 8_000_000
        for number in range(3):
            with ledger.write() as connection:
                keep_fact(connection, "small", str(number))
        assert log.stat().st_size < 2 * 1024 * 1024
        write_much(ledger)
        write_much(ledger)
        assert log.stat().st_size < 8_000_000, "without a reader it begins anew again and again"


COUNTING = """
import sys
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import fact, keep_fact
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    with ledger.write() as connection:
        keep_fact(connection, "count", str(int(fact(connection, "count") or 0) + 1))
"""


def test_processes_that_write_at_once_wait_for_each_other(sqlite):
    url = f"sqlite:///{sqlite}"
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", COUNTING, url],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait() for process in started] == [0, 0]
    with Ledger.open(url) as ledger, ledger.read() as connection:
        assert fact(connection, "count") == "400"


def test_a_file_that_is_no_database_is_one_line_that_says_what_to_do(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(FetchError, match="tg-fetcher ledger rebuild") as refused:
        Ledger.open(f"sqlite:///{path}")
    assert refused.value.error_type is ErrorType.STORAGE
