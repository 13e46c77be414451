"""The documents say what the program does: every setting with its default, every command and option."""

import re
from datetime import date
from pathlib import Path

import typer
from typer.main import get_command

from tg_fetcher_dagster.cli.app import app
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_sandbox import command_line as sandbox
from tg_fetcher_sandbox.demo import command as demo

DOCS = Path(__file__).parents[2] / "docs"


def written(default: object) -> str:
    """A default as it would stand in `.env`."""
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"./{default}" if isinstance(default, Path) else str(default)


def test_every_setting_is_in_the_document_with_its_default():
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\| (.+) \|$", (DOCS / "settings.md").read_text(), re.M
    )
    told = {name: default for name, default, _ in rows}
    assert told == {name.upper(): written(field.default) for name, field in Settings.model_fields.items()}


def test_every_setting_of_the_example_is_a_setting():
    example = (DOCS.parent / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, re.M))
    assert named <= {name.upper() for name in Settings.model_fields}


def commands_of(program: typer.Typer) -> dict[str, set[str]]:
    """Every command of a program and the options that it takes."""
    found: dict[str, set[str]] = {}

    def walk(command: object, names: list[str]) -> None:
        inner = getattr(command, "commands", None)
        if inner:
            for name, each in inner.items():
                walk(each, [*names, name])
            return
        params = getattr(command, "params", [])
        options = {option for each in params for option in each.opts if option.startswith("--")}
        found[" ".join(names)] = options

    walk(get_command(program), [])
    return found


def test_every_command_and_option_is_in_the_document():
    text = (DOCS / "cli.md").read_text()
    commands = commands_of(app)
    commands.pop("sandbox")
    commands |= {f"sandbox {name}": set() for name in commands_of(sandbox.app)}
    commands["demo"] = commands_of(demo.app)[""]
    assert len(commands) > 12
    for name, options in commands.items():
        assert name in text, name
        for option in options - {"--help"}:
            assert option in text, f"{name} {option}"


def test_the_dates_of_examples_are_dates():
    for text in re.findall(r"--(?:date|from|to) (\S+)", (DOCS / "cli.md").read_text()):
        if text[0].isdigit():
            date.fromisoformat(text.rstrip("`"))


def test_every_command_that_a_document_names_exists_with_its_options():
    known = commands_of(app) | {f"sandbox {name}": opts for name, opts in commands_of(sandbox.app).items()}
    known["demo"] = commands_of(demo.app)[""]
    groups = {name.split()[0] for name in known if " " in name}
    named = 0
    for path in (*DOCS.glob("*.md"), DOCS.parent / "README.md"):
        for line in re.findall(r"tg-fetcher ((?!--)[a-z]+(?: [^`\n|)#]*)?)", path.read_text()):
            words = line.split()
            name = words[0]
            if name in groups:
                if len(words) < 2 or not words[1].isalpha():
                    continue  # the group itself is spoken of
                name = " ".join(words[:2])
            if name.split()[0] in {"commands", "sandbox"} and name not in known:
                continue
            named += 1
            assert name in known, f"{path.name}: tg-fetcher {line}"
            if name == "logged":
                continue  # its options are another program's
            options = {word.split("=")[0].rstrip(".,:;'\"") for word in words if word.startswith("--")}
            assert options <= known[name] | {"--help"}, f"{path.name}: tg-fetcher {line}"
    assert named > 50
