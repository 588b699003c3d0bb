"""The command as a whole: help, version, wrong usage."""

import re

import pytest

from stitcher import __version__
from stitcher.cli.app import app
from tests.cli.conftest import Command

COMMANDS = [
    "init",
    "start",
    "status",
    "sessions",
    "config",
    "integrate",
    "verify",
    "simulate",
    "demo",
    "bench",
]


def test_alone_it_shows_its_help_in_the_order_of_use(stitcher: Command) -> None:
    result = stitcher()
    assert result.exit_code == 0
    listed = result.stdout.split("Commands:\n")[1]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(stitcher: Command, command: str) -> None:
    result = stitcher(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: stitcher {command}")
    assert stitcher(command, "-h").stdout == result.stdout


def test_version(stitcher: Command) -> None:
    assert stitcher("--version").stdout == f"stitcher {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["statsu"], "No such command 'statsu'"),
        (["start", "--prot", "1"], "No such option: --prot"),
        (["sessions", "show"], "Missing argument"),
        (["config", "set"], "Missing argument"),
        (["start", "--port"], "requires an argument"),
        (["init", "--provider", "acme"], "'acme' is not one of"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    stitcher: Command, arguments: list[str], message: str
) -> None:
    result = stitcher(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("stitcher: ")
    assert re.fullmatch(r"[^\n]+See: stitcher[^\n]* --help\n", result.stderr)


def test_the_module_is_the_command(stitcher: Command) -> None:
    result = stitcher.process("--version")
    assert (result.returncode, result.stdout) == (0, f"stitcher {__version__}\n")
    assert app.info.name == "stitcher"


def test_piped_help_has_no_ansi_and_no_boxes(stitcher: Command) -> None:
    result = stitcher.process("start", "--help", TERM="xterm-256color")
    assert "\x1b" not in result.stdout
    assert result.stdout.isascii()


def test_a_reader_that_stops_early_gets_no_traceback(stitcher: Command) -> None:
    import subprocess
    import sys

    for number in range(300):
        stitcher.write_session(f"session-{number}", {"type": "message", "message": {}})
    command = f'"{sys.executable}" -m stitcher.cli.app sessions | head -n 1'
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=30, check=False
    )
    assert result.stdout.startswith("name")
    assert "Traceback" not in result.stderr


def test_a_name_the_encoding_lacks_is_escaped(stitcher: Command) -> None:
    stitcher.write_session("日", {"type": "message", "message": {}})
    result = stitcher.process("sessions", PYTHONIOENCODING="latin-1")
    assert result.returncode == 0
    assert "\\u65e5" in result.stdout
