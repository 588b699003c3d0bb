"""`stitcher bench`: what it prints, draws and refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stitcher import __version__
from tests.benchmark.sessions import CLAUDE_CODE, written
from tests.cli.conftest import Command
from tests.cli.terminal import on_terminal, without_codes

QUICK = ("bench", "--workload", "script", "--cell", "openai")


def test_it_prints_prices_a_table_and_a_summary(stitcher: Command) -> None:
    result = stitcher(*QUICK)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Providers: ")
    arms = [line.split()[1] for line in lines if line.startswith("openai")]
    assert arms[1:7] == ["direct", "naive", "sliding", "half", "stitcher", "optimum"]
    assert lines[4].startswith("script: 15 short turns")


def test_every_choice_narrows_it(stitcher: Command) -> None:
    result = stitcher(*QUICK, "--arm", "half", "--arm", "stitcher", "--json")
    found = json.loads(result.stdout)
    assert [(row["provider"], row["arm"]) for row in found["rows"]] == [
        ("openai", "half"),
        ("openai", "stitcher"),
    ]
    assert found["versions"]["stitcher"] == __version__
    assert [len(turns["read"]) for turns in found["turns"]] == [15, 15]


def test_budget_keep_and_seed_are_taken(stitcher: Command) -> None:
    flags = ("--max-tokens", "3000", "--keep", "0.25", "--seed", "7", "--json")
    found = json.loads(stitcher(*QUICK, "--arm", "half", *flags).stdout)
    assert (found["max_tokens"], found["keep"], found["seed"]) == (3_000, 0.25, 7)
    assert found["rows"][0]["max_tokens"] == 3_000


def test_markdown_and_each_request(stitcher: Command) -> None:
    result = stitcher(*QUICK, "--arm", "half", "--markdown", "--turns")
    titles = re.findall(r"^### (.*)$", result.stdout, re.MULTILINE)
    assert titles[-1] == "script, openai, half"
    assert len(titles) == 4
    assert len(re.findall(r"^\| \d+ \|", result.stdout, re.MULTILINE)) == 15


def test_pictures(stitcher: Command, tmp_path: Path) -> None:
    result = stitcher(*QUICK, "--svg", str(tmp_path / "drawn"))
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "script-openai-cost.svg",
        "script-openai-kept.svg",
        "script-openai-tokens.svg",
    ]
    assert result.stderr == f"3 pictures in {tmp_path / 'drawn'}\n"


def test_a_session_of_ones_own(stitcher: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", CLAUDE_CODE)
    result = stitcher("bench", "--trace", str(path), "--cell", "anthropic-1h", "--json")
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["workloads"]] == ["mine"]
    assert {row["requests"] for row in found["rows"]} == {3}
    both = stitcher(*QUICK, "--trace", str(path), "--json")
    assert [one["name"] for one in json.loads(both.stdout)["workloads"]] == ["script", "mine"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--workload", "scirpt"), "--workload: found 'scirpt', expected one of script, "),
        (("--workload", "scirpt"), "did you mean 'script'?"),
        (("--arm", "x"), "--arm: found 'x', expected one of direct, naive, "),
        (("--cell", "x"), "--cell: found 'x', expected one of anthropic-5m, "),
        (("--trace", "nothing.jsonl"), "--trace: nothing.jsonl: cannot be read"),
        (("--keep", "2"), "--keep"),
        (("--max-tokens", "0"), "--max-tokens"),
    ],
)
def test_what_it_cannot_use_is_named(stitcher: Command, flags: tuple[str, ...], says: str) -> None:
    result = stitcher("bench", *flags)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_on_a_terminal_it_says_what_it_is_doing(stitcher: Command) -> None:
    said = on_terminal([*QUICK], PYTHONPATH="src", COLUMNS="200")
    assert "1/1  script, openai" in without_codes(said)


def test_the_help_of_all_commands_imports_nothing_of_it() -> None:
    told = (
        "import sys; import stitcher.cli.app; "
        "print([n for n in sys.modules if n.startswith(('stitcher.benchmark', 'stitcher.sim'))])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
