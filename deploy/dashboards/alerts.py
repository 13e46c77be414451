"""The alerts of deploy/prometheus, as far as the dashboards know them: which panel each leads to."""

from functools import cache
from pathlib import Path

import yaml

RULES = Path(__file__).parents[1] / "prometheus" / "rules"


@cache
def _entries() -> dict[str, dict[str, str]]:
    """The runbook entry of each alert, by the panel that the alert leads to and by the alert's name."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    panel = rule["annotations"]["dashboard"].split("&")[0]
                    found.setdefault(panel, {})[rule["alert"]] = rule["annotations"]["runbook_url"]
    return found


def runbook_entries(uid: str, number: int) -> list[tuple[str, str]]:
    """Returns the alerts that lead to a panel, with their entries in the runbook.

    Args:
        uid: of the dashboard.
        number: of the panel.
    """
    return sorted(_entries().get(f"/d/{uid}?viewPanel={number}", {}).items())
