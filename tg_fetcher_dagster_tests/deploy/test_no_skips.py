"""`make test-system` fails where a test did not run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SKIPPED = """
import pytest

def test_without_its_program():
    pytest.skip("no chromium")

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail():
    assert False
"""


def test_a_skip_counts_as_a_failure_and_an_expected_failure_does_not(tmp_path):
    (tmp_path / "test_one.py").write_text(SKIPPED)
    pytest_run = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", tmp_path, tmp_path]
    plugin = ["-p", "tg_fetcher_dagster_tests.no_skips", "-p", "no:cacheprovider"]
    ended = subprocess.run([*pytest_run, *plugin], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout
    assert "1 failed, 1 xfailed" in ended.stdout
    assert "no chromium" in ended.stdout
