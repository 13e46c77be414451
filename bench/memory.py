"""Peak memory of a process that fetches a day: of 1,000 messages, and of 200,000."""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.reading import FIRST, ours, scenario
from bench.sandbox import serve


def peak_megabytes(session: str) -> float:
    """Returns the peak resident memory of a fresh process that fetches the day."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.memory", "fetch"],
        input=session.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(answer.stdout.splitlines()[-1])
    print(
        f"memory: a day of {told['messages']:,.0f} messages: peak {told['peak']:.0f} MB, "
        f"{told['seconds']:.1f} s"
    )
    return float(told["peak"])


def main() -> None:
    """Prints both peaks and their difference."""
    peaks = []
    for a_day in (1_000, 200_000):
        with serve(scenario(delay_ms=0, days=1, a_day=a_day)) as telegram:
            peaks.append(peak_megabytes(telegram.session))
    print(f"memory: {peaks[1] - peaks[0]:.0f} MB more for 200 times the messages")


if __name__ == "__main__":
    if sys.argv[1:] == ["fetch"]:
        with tempfile.TemporaryDirectory() as work:
            result = asyncio.run(ours(sys.stdin.read().strip(), Path(work), first=FIRST, days=1))
        result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
    else:
        main()
