"""`python -m tg_fetcher_dagster_tests.chaos`: the whole storm (`make chaos`), or one of another seed."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tg_fetcher_dagster_tests.chaos.report import SHORT, WHOLE, carry_out
from tg_fetcher_sandbox.demo.processes import Ended, ended_by_signals

FAULTS_SHOWN = 50


def main() -> None:
    """Prints what the storm came to; ends with 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tg_fetcher_dagster_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help="the one of `make test`")
    parser.add_argument("--commands", type=int)
    parser.add_argument("--keep", type=Path, help="where the deployment is kept if something is wrong")
    asked = parser.parse_args()
    size = SHORT if asked.short else WHOLE
    if asked.commands is not None:
        size = replace(size, commands=asked.commands)
    try:
        with ended_by_signals():
            report = carry_out(size, asked.seed, keep=asked.keep)
    except Ended as ended:
        sys.exit(ended.exit_code)
    print("\n".join(f"chaos: {line}" for line in report.lines))
    for fault in report.faults[:FAULTS_SHOWN]:
        print(f"chaos: FAULT: {fault}")
    if report.faults:
        sys.exit(f"chaos: {len(report.faults)} faults")
    print("chaos: every day ended as it must, all files are the truth, nothing is left over")


if __name__ == "__main__":
    main()
