"""The benchmark's page says what happens: its commands run, its names are all there are."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.live.providers import PROVIDERS, Provider
from stitcher.benchmark.live.requests import ARMS as LIVE_ARMS
from stitcher.benchmark.measure import ARMS
from stitcher.benchmark.workloads import WORKLOADS
from stitcher.cli.app import app
from stitcher.simulator.serve import SimulatorThread
from tests.benchmark.sessions import CODEX, written
from tests.test_readme import commands

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
LIVE = [command for command in commands(PAGE) if "--provider" in command]
COMMANDS = [command for command in commands(PAGE) if command not in LIVE]


@pytest.mark.parametrize("command", LIVE)
def test_every_command_with_a_key_runs_against_the_simulated_providers(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "ollama.log"
    log.touch()
    # Gaps are waited for in earnest; the simulator names the model whose log it writes.
    simulated = command.replace("--gaps 5", "--gaps 0.001").replace("llama3.2:1b", "ollama-sim")
    _, *arguments = shlex.split(simulated)
    provider = PROVIDERS[arguments[arguments.index("--provider") + 1]]
    if provider.key_name is not None:
        monkeypatch.setenv(provider.key_name, "sk-test")
    with SimulatorThread(engine_log=log) as simulator:
        url = simulator.url if provider.dialect == "messages" else f"{simulator.url}/v1"
        result = CliRunner().invoke(app, [*arguments, "--base-url", url, "--yes"])
        assert {one.status for one in simulator.requests} == {200}
    assert result.exit_code == 0, result.output
    assert "stitcher" in result.stdout


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda one: one.name)
def test_the_providers_are_what_the_page_says(provider: Provider) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{provider.name}` |"))
    _, _, key, model, where, _ = (cell.strip() for cell in row.split("|"))
    assert key.strip("`") == (provider.key_name or "none")
    assert model.startswith(f"`{provider.model}`" if provider.model else "none")
    assert where == f"`{provider.base_url}`"


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
    assert {*WORKLOADS, *ARMS, *CELLS, *PROVIDERS, *LIVE_ARMS} <= named


@pytest.mark.parametrize("name", WORKLOADS)
def test_budgets_are_what_the_page_says(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split("|")[-2].strip() == f"{WORKLOADS[name](0).max_tokens:,}"
