"""`stitcher init`: unattended by flags and defaults, and answered on a terminal."""

import sys
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.terminal import on_terminal, without_codes

DEFAULTS: dict[str, Any] = {
    "upstream": "https://api.openai.com",
    "max_tokens": 128000,
    "port": 8081,
}


def test_without_a_terminal_it_takes_defaults_and_says_so(stitcher: Command) -> None:
    result = stitcher.process("init")
    assert result.returncode == 0
    assert stitcher.read_config() == DEFAULTS
    assert stitcher.config.stat().st_mode & 0o777 == 0o600
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "Not asked (no terminal to ask on), taken as they are: --provider openai,"
        " --api-key none, --model none, --max-tokens 128000, --port 8081"
    )
    assert lines[-2:] == [
        "Start it:            stitcher start",
        "Then point a client: stitcher integrate",
    ]


@pytest.mark.parametrize(
    ("flags", "written"),
    [
        ([], DEFAULTS),
        (
            ["--provider", "anthropic", "--api-key", "sk-1"],
            {
                "upstream_anthropic": "https://api.anthropic.com",
                "api_key_anthropic": "sk-1",
                "max_tokens": 128000,
                "port": 8081,
            },
        ),
        (
            ["--provider", "both", "--api-key", "sk-1", "--api-key-anthropic", "sk-2"],
            DEFAULTS
            | {
                "upstream_anthropic": "https://api.anthropic.com",
                "api_key": "sk-1",
                "api_key_anthropic": "sk-2",
            },
        ),
        (
            ["--provider", "local"],
            DEFAULTS
            | {
                "upstream": "http://127.0.0.1:11434",
                "upstream_anthropic": "http://127.0.0.1:11434",
            },
        ),
        (
            ["--provider", "local", "--upstream", "http://127.0.0.1:8000/v1"],
            DEFAULTS
            | {"upstream": "http://127.0.0.1:8000", "upstream_anthropic": "http://127.0.0.1:8000"},
        ),
        (["--provider", "openrouter"], DEFAULTS | {"upstream": "https://openrouter.ai/api"}),
        (["--upstream", "https://x/v1"], DEFAULTS | {"upstream": "https://x"}),
        (
            ["--model", "m", "--port", "9000", "--max-tokens", "5000"],
            {"upstream": "https://api.openai.com", "model": "m", "port": 9000, "max_tokens": 5000},
        ),
    ],
)
def test_every_answer_is_a_flag(
    stitcher: Command, flags: list[str], written: dict[str, Any]
) -> None:
    result = stitcher("init", *flags)
    assert result.exit_code == 0
    assert stitcher.read_config() == written
    assert "sk-" not in result.output


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--provider", "compatible"], "expected --upstream URL"),
        (["--port", "x"], "--port: found 'x', expected a whole number"),
        (["--upstream", "nonsense"], "--upstream: found 'nonsense', expected an http"),
    ],
)
def test_a_wrong_answer_writes_nothing(stitcher: Command, flags: list[str], message: str) -> None:
    result = stitcher("init", *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not stitcher.config.exists()


def test_a_second_time_what_there_is_stays(stitcher: Command) -> None:
    stitcher.write_config(
        upstream="https://x", api_key="sk-kept", port=9000, keep=0.3, colour="red"
    )
    result = stitcher("init", "--max-tokens", "5000")
    assert stitcher.read_config() == {
        "upstream": "https://x",
        "api_key": "sk-kept",
        "port": 9000,
        "keep": 0.3,
        "colour": "red",
        "max_tokens": 5000,
    }
    assert "sk-kept" not in result.output


def test_another_provider_takes_the_local_server_off_both(stitcher: Command) -> None:
    stitcher("init", "--provider", "local")
    stitcher("init", "--provider", "openai")
    assert stitcher.read_config()["upstream"] == "https://api.openai.com"
    assert stitcher.read_config()["upstream_anthropic"] == "https://api.anthropic.com"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_on_a_terminal_it_asks(stitcher: Command) -> None:
    said = on_terminal(
        ["init"],
        answers=[
            ("Which provider", "\x1b[B\x1b[B\r"),  # the third: both
            ("OpenAI API key", "sk-typed-1\r"),
            ("Anthropic API key", "\r"),
            ("Model", "gpt-5.5\r"),
            ("Token budget", "\x7f\x7f\x7f5000\r"),  # over the suggested 128000: 1285000
            ("Port", "\r"),
        ],
    )
    assert stitcher.read_config() == DEFAULTS | {
        "upstream_anthropic": "https://api.anthropic.com",
        "api_key": "sk-typed-1",
        "model": "gpt-5.5",
        "max_tokens": 1285000,
    }
    assert "sk-typed-1" not in without_codes(said)
    assert "stitcher start" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_stopping_writes_nothing(stitcher: Command) -> None:
    said = on_terminal(["init"], answers=[("Which provider", "\x03")], exit_code=130)
    assert "Nothing was written." in said
    assert not stitcher.config.exists()
