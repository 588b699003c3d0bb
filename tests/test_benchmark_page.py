"""The benchmark's page says what happens: its commands run, its names are all there are."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.measure import ARMS
from stitcher.benchmark.workloads import WORKLOADS
from stitcher.cli.app import app
from tests.benchmark.sessions import CODEX, written
from tests.test_readme import commands

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
COMMANDS = commands(PAGE)


@pytest.mark.timeout(400)  # one of them measures all there is
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "session.jsonl", CODEX)
    name, *arguments = shlex.split(command)
    assert name == "stitcher"
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "optimum" in result.stdout or "x optimum" in result.stdout
    if "--svg" in arguments:
        drawn = tmp_path / "pictures"
        for shown in ("gaps-anthropic-5m-cost.svg", "gaps-anthropic-5m-tokens.svg"):
            page = ROOT / "docs" / "images" / f"bench-{shown.replace('-anthropic-5m', '')}"
            assert page.read_text() == (drawn / shown).read_text(), f"copy {shown} to {page}"


def test_every_name_is_on_the_page() -> None:
    named = set(re.findall(r"`([\w.-]+)`", PAGE))
    assert {*WORKLOADS, *ARMS, *CELLS} <= named


@pytest.mark.parametrize("name", WORKLOADS)
def test_budgets_are_what_the_page_says(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split("|")[-2].strip() == f"{WORKLOADS[name](0).max_tokens:,}"
