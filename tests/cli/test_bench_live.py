"""`stitcher bench --provider` against the simulated providers: what is sent, said and refused."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stitcher.benchmark.live.providers import PROVIDERS
from stitcher.benchmark.live.requests import ARMS
from stitcher.providers.usage import cache_usage
from stitcher.simulator.serve import Fault, SimulatorThread
from tests.cli.conftest import Command
from tests.cli.terminal import on_terminal, without_codes

KEY = "sk-very-secret"
PAID = [name for name, one in PROVIDERS.items() if one.key_name is not None]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "ollama.log"
    path.touch()
    return path


@pytest.fixture
def sim(log: Path) -> Iterator[SimulatorThread]:
    # Each look at the clock is a second later: DeepSeek's units take one to be built.
    seconds = itertools.count()
    with SimulatorThread(clock=lambda: float(next(seconds)), engine_log=log) as simulator:
        yield simulator


@pytest.fixture
def live(
    stitcher: Command, sim: SimulatorThread, log: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Runs it with a key, against the simulator, and reads what it printed."""

    def run(name: str, *flags: str, exit_code: int = 0) -> Any:
        provider = PROVIDERS[name]
        if provider.key_name is not None:
            monkeypatch.setenv(provider.key_name, KEY)
        own = ("--ollama-log", str(log), "--model", "ollama-sim") if name == "ollama" else ()
        base = sim.url if name == "anthropic" else f"{sim.url}/v1"
        result = stitcher(
            *("bench", "--provider", name, "--base-url", base, "--yes", "--json", *own, *flags)
        )
        assert result.exit_code == exit_code, result.output
        assert KEY not in result.output
        return {**json.loads(result.stdout), "said": result.stderr}

    return run


def counted(sim: SimulatorThread, arm: int) -> list[tuple[int, int, int]]:
    """What the simulator billed for the 15 requests of an arm."""
    usages = [cache_usage(one.usage or {}) for one in sim.requests[15 * arm : 15 * arm + 15]]
    return [(one.read, one.written, one.plain) for one in usages if one is not None]


@pytest.mark.parametrize("name", PAID)
def test_the_figures_are_what_the_provider_billed(
    live: Callable[..., Any], sim: SimulatorThread, name: str
) -> None:
    found = live(name)
    assert [one.status for one in sim.requests] == [200] * 60
    assert [row["arm"] for row in found["rows"]] == list(ARMS)
    for n, (row, turns) in enumerate(zip(found["rows"], found["turns"], strict=True)):
        billed = list(zip(turns["read"], turns["written"], turns["plain"], strict=True))
        assert billed == counted(sim, n)
        assert len(billed) == 15
        assert [sum(kind) for kind in zip(*billed, strict=True)] == [
            *(row["read"], row["written"], row["plain"])
        ]
        assert row["input_dollars"] > 0


@pytest.mark.parametrize("name", ["anthropic", "openai", "deepseek", "ollama"])
def test_stitcher_reads_the_most(live: Callable[..., Any], name: str) -> None:
    hits = {row["arm"]: row["hit_ratio"] for row in live(name)["rows"]}
    assert hits["stitcher"] >= 0.85
    assert hits["stitcher"] == max(hits.values())


def test_the_first_request_of_each_arm_reads_nothing_also_the_second_time(
    live: Callable[..., Any],
) -> None:
    for _ in range(2):
        assert [turns["read"][0] for turns in live("anthropic")["turns"]] == [0, 0, 0, 0]


def test_direct_reads_nothing_where_nobody_marks(live: Callable[..., Any]) -> None:
    (row,) = live("anthropic", "--arm", "direct")["rows"]
    assert (row["read"], row["written"]) == (0, 0)


def test_gemini_caches_nothing_so_short_and_it_says_so(live: Callable[..., Any]) -> None:
    found = live("gemini", "--arm", "stitcher")
    assert found["rows"][0]["read"] == 0
    assert "caches none of fewer than 2,048 tokens" in found["notes"][1]


def test_ollamas_figures_are_those_of_its_log(
    live: Callable[..., Any], sim: SimulatorThread, log: Path
) -> None:
    (row,) = live("ollama", "--arm", "stitcher")["rows"]
    text = log.read_text()
    totals = [int(n) for n in re.findall(r"task\.n_tokens = (\d+)", text)]
    cached = [int(n) for n in re.findall(r"cached n_tokens = (\d+)", text)]
    assert (row["tokens"], row["read"]) == (sum(totals), sum(cached))
    assert row["tokens"] == sum(one.usage["prompt_tokens"] for one in sim.requests if one.usage)
    assert row["dollars"] is None


def test_tool_loops_are_sent_as_such(live: Callable[..., Any], sim: SimulatorThread) -> None:
    found = live("anthropic", "--workload", "tools", "--arm", "stitcher")
    assert {one.status for one in sim.requests} == {200}
    body = json.loads(sim.requests[-1].decoded)
    assert len(body["tools"]) == 1
    assert found["rows"][0]["requests"] == 45
    assert found["rows"][0]["hit_ratio"] > 0.9


def test_another_model_is_asked_for(live: Callable[..., Any], sim: SimulatorThread) -> None:
    found = live("anthropic", "--model", "claude-sim", "--arm", "half")
    assert found["model"] == json.loads(sim.requests[0].decoded)["model"] == "claude-sim"
    assert "the price of this model is not known" in found["said"]
    assert found["rows"][0]["dollars"] is None


@pytest.mark.parametrize(("workload", "said"), [("steady", True), ("tools", False)])
def test_what_may_be_too_long_for_the_model_is_said_before(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch, workload: str, said: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    flags = ("--workload", workload, "--arm", "direct", "--model", "gpt-4o")
    result = stitcher("bench", "--provider", "openai", *flags)
    assert result.exit_code == 2  # it costs more than a dollar
    assert ("gpt-4o takes 128,000: it may be refused" in result.stderr) == said


def test_tables_and_markdown(
    stitcher: Command, sim: SimulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    flags = ("bench", "--provider", "anthropic", "--base-url", sim.url, "--yes", "--arm", "half")
    plain = stitcher(*flags)
    assert plain.stdout.startswith("script: 15 short turns, context changes every third (anthropic")
    assert re.search(r"^half +15 ", plain.stdout, re.MULTILINE)
    assert "not what the model said" in plain.stdout
    assert plain.stderr.startswith("15 requests to anthropic, claude-haiku-5-5: at most about 0.00")
    marked = stitcher(*flags, "--markdown", "--turns")
    assert len(re.findall(r"^\| \d+ \|", marked.stdout, re.MULTILINE)) == 15


def test_what_a_provider_refuses_ends_it_with_what_there_is(
    live: Callable[..., Any], sim: SimulatorThread
) -> None:
    sim.script(*[Fault()] * 17, Fault(status=401, message=f"invalid x-api-key {KEY}"))
    found = live("anthropic", exit_code=1)
    assert [row["requests"] for row in found["rows"]] == [15, 2]
    assert found["failure"] == "the provider answered 401: invalid x-api-key ***"
    assert found["said"].endswith("401: invalid x-api-key *** (after 17 of 60 requests)\n")
    assert len(sim.requests) == 18


def test_nothing_logged_ends_it_too(
    live: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stitcher.benchmark.live.ollama_log._PAUSE", 0.0)
    other = tmp_path / "other.log"
    other.touch()
    found = live("ollama", "--ollama-log", str(other), exit_code=1)
    assert "OLLAMA_DEBUG=1" in found["said"]


@pytest.mark.parametrize("name", PAID)
def test_without_a_key_it_says_which_and_sends_nothing(
    stitcher: Command, sim: SimulatorThread, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    key = PROVIDERS[name].key_name or ""
    monkeypatch.setenv(key, " ")
    result = stitcher("bench", "--provider", name, "--base-url", sim.url, "--yes")
    assert result.exit_code == 2
    assert f"--provider {name}: found no {key} in the environment" in result.stderr
    assert sim.requests == []


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--provider", "antropic"), "expected one of anthropic, openai, gemini, deepseek, ollama"),
        (("--provider", "ollama", "--model", "x"), "found no --ollama-log, expected the log of"),
        (("--provider", "ollama", "--model", "x"), "journalctl -u ollama"),
        (("--provider", "ollama", "--ollama-log", "none.log"), "none.log: cannot be read"),
        (("--provider", "ollama", "--ollama-log", "."), "ollama list"),
        (("--provider", "anthropic"), "found nobody to ask whether it may cost that"),
        (("--provider", "anthropic", "--max-usd", "0.001"), "--max-usd: found 0.001, expected 0.0"),
        (("--provider", "openai", "--yes", "--max-usd", "0"), "--max-usd: found 0, expected 0.0"),
        (("--provider", "anthropic", "--arm", "optimum"), "--arm: found 'optimum', expected one"),
        (("--provider", "anthropic", "--ollama-log", "x"), "only with --provider ollama"),
        (("--provider", "anthropic", "--cell", "openai"), "--cell: expected it only without"),
        (("--provider", "anthropic", "--svg", "x"), "--svg: expected it only without --provider"),
        (("--model", "gpt-4.1"), "--model: expected it only with --provider"),
        (("--max-usd", "2"), "--max-usd: expected it only with --provider"),
        (("--yes",), "--yes: expected it only with --provider"),
    ],
)
def test_what_it_cannot_use_is_named_before_anything_is_sent(
    stitcher: Command,
    sim: SimulatorThread,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(log.parent)
    usual = ("--base-url", sim.url) if "--provider" in flags else ()
    given = ["ollama.log" if flag == "." else flag for flag in flags]
    result = stitcher("bench", *given, *usual)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
    assert sim.requests == []


def test_it_asks_before_it_costs(
    sim: SimulatorThread, stitcher: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    flags = ["bench", "--provider", "anthropic", "--base-url", sim.url, "--arm", "stitcher"]
    said = on_terminal(flags, answers=[("Send them?", "n\r")], exit_code=130)
    assert "at most about 0.00" in said
    assert sim.requests == []
    said = without_codes(on_terminal(flags, answers=[("Send them?", "y\r")]))
    assert "15/15  script, stitcher" in said
    assert len(sim.requests) == 15
    assert KEY not in said
