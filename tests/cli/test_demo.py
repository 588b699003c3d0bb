"""`stitcher demo`: the whole of it as a process, and that it notices what is wrong."""

import sys
from pathlib import Path

import pytest

from stitcher.cli import demo
from stitcher.cli.demo import BEFORE, DemoFailed, Row, Turn
from tests.cli.conftest import Command


def test_the_story_from_beginning_to_end(
    stitcher: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own settings have no say in it, and it leaves nothing behind."""
    stitcher.write_config(port=1, mode="off", upstream="http://127.0.0.1:9")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    result = stitcher.process("demo", STITCHER_MODE="off", http_proxy="http://127.0.0.1:9")
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    columns = next(line for line in lines if line.startswith("client")).split()
    assert columns == (
        ["client", "says", "sent", "stored", "restored", "upstream", "tokens", "cached", "answer"]
    )
    turns = [line for line in lines if line.startswith(("openai ", "anthropic "))]
    assert len(turns) == 10
    assert all("What did I say …" in turn for turn in turns[-4:-2])
    for turn in turns[-2:]:
        assert turn.endswith(f'answered: The first thing you said was: "{BEFORE[0]}"')
    before, after = result.stdout.split("The proxy was stopped")
    assert before.count("Reply ") == 6
    assert "stitcher integrate" in after
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not stitcher.sessions.exists()


def row(answer: str, *, messages: int = 7, cached: int = 5) -> Row:
    return Row("openai", "text", Turn(1, "6", "7", answer, 10, cached), messages)


def test_a_right_ending_passes() -> None:
    demo._check([], [row(f'It was: "{BEFORE[0]}"')])


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (row("I cannot know."), "answered 'I cannot know.', expected"),
        (row(BEFORE[0], messages=1), "the provider got 1 messages, expected 7"),
        (row(BEFORE[0], cached=0), "nothing was cached"),
    ],
)
def test_a_wrong_ending_is_an_error(ending: Row, message: str) -> None:
    with pytest.raises(DemoFailed, match=message):
        demo._check([], [ending])


def test_a_proxy_that_does_not_start_says_why(tmp_path: Path) -> None:
    proxy = demo.Proxy("not an address", tmp_path)
    with pytest.raises(DemoFailed, match=r"the proxy did not start: .*--upstream: found 'not an"):
        proxy.start()
    proxy.stop()


def test_a_missing_package_is_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(DemoFailed, match="needs the package anthropic: run it as `make demo`"):
        demo._load_sdks()
