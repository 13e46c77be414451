"""The rules of deploy/prometheus as they stand in the files."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager"


@cache
def groups() -> tuple[dict[str, Any], ...]:
    """Returns all groups of rules, file by file."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return tuple(group for file in files for group in yaml.safe_load(file.read_text())["groups"])


def rules() -> list[dict[str, Any]]:
    """Returns all rules."""
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Returns the rules that alert: one for each step of each alert."""
    return [rule for rule in rules() if "alert" in rule]


def names() -> set[str]:
    """Returns the names of all alerts."""
    return {rule["alert"] for rule in alerts()}
