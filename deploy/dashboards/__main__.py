"""Writes the dashboards; with --check says which of them are not as the code would write them."""

import argparse
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.dashboards.chat import CHAT
from deploy.dashboards.frame import Frame
from deploy.dashboards.log_lines import LOGS
from deploy.dashboards.overview import OVERVIEW
from deploy.dashboards.pipeline import PIPELINE
from deploy.dashboards.telegram import TELEGRAM

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"

DASHBOARDS: tuple[Frame, ...] = (OVERVIEW, TELEGRAM, CHAT, PIPELINE, LOGS)


def as_files() -> dict[str, str]:
    """Returns the text of each file, by its name."""
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {f"{each.uid}.json": encoder.encode(each.built()) + "\n" for each in DASHBOARDS}


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks the files; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.dashboards", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a file is not current"
    )
    wanted = as_files()
    found = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    other = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if parser.parse_args(arguments).check:
        for name in other:
            print(f"{FOLDER.name}/{name} is not what the code writes: python -m deploy.dashboards")
        return 1 if other else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in other:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
