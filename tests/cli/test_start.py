"""`stitcher start`: a process that says where it listens, and refusals in one sentence."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stitcher.settings import SETTINGS
from tests.cli.conftest import Command


@contextmanager
def started(*flags: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The proxy as a process, with the lines it said once it listened."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stitcher.cli.app", "start", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, [process.stdout.readline().rstrip("\n") for _ in range(5)]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_life_of_a_proxy_seen_from_the_command_line(stitcher: Command) -> None:
    """One process for all of it: starting takes a second."""
    stitcher.write_session("old", {"type": "message", "message": {"role": "user", "content": "x"}})
    stitcher.write_config(api_key="sk-hidden", upstream="http://127.0.0.1:9/v1")
    with started("--durability", "os", "--mode", "observe") as (process, said):
        url = said[0].removeprefix("Stitcher is listening on ")
        assert said == [
            f"Stitcher is listening on {url}",
            f"  conversations  {stitcher.sessions}",
            "  upstreams      http://127.0.0.1:9 (OpenAI), https://api.anthropic.com (Anthropic)",
            "  mode           observe",
            "  point a client at it: stitcher integrate",
        ]
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
            assert json.load(answer)["status"] == "ok"

        status = stitcher("status", "--json")
        assert status.exit_code == 0
        assert json.loads(status.stdout)["url"] == url
        assert json.loads(status.stdout)["pid"] == process.pid

        second = stitcher("start", "--port", "0")
        assert second.exit_code == 1
        assert f"in use by process {process.pid}" in second.stderr

        other = str(stitcher.home / "other")
        taken = stitcher("start", "--port", url.rpartition(":")[2], "--data-dir", other)
        assert taken.exit_code == 2
        assert "in use by another program" in taken.stderr

        set_ = stitcher("config", "set", "keep", "0.4")
        assert "the proxy that is running takes it when it is started again" in set_.stderr

        purged = stitcher("sessions", "purge", "old", "--yes")
        assert (purged.exit_code, purged.stdout) == (0, "Deleted old (1 message, 65 B).\n")
        assert json.loads(stitcher("sessions", "--json").stdout) == []

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""
    assert stitcher("status").exit_code == 3


@pytest.mark.parametrize(
    ("flags", "environ", "message"),
    [
        (["--host", "0.0.0.0"], {}, "--proxy-token SECRET, or --tenancy key"),
        (["--keep", "2"], {}, "--keep: found '2', expected a fraction"),
        ([], {"STITCHER_PORT": "x"}, "STITCHER_PORT: found 'x'"),
        (["--proxy-token", "se cret"], {}, "--proxy-token: found 7 characters (not shown)"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    stitcher: Command,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    environ: dict[str, str],
    message: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = stitcher("start", *flags)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_broken_file_is_named_with_its_line(stitcher: Command) -> None:
    stitcher.write_config()
    stitcher.config.write_text('{"port": 1\n "host": 2}')
    result = stitcher("start")
    assert result.exit_code == 2
    assert f"{stitcher.config}: line 2, column 2: not JSON" in result.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_directory_of_somebody_else(stitcher: Command, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        result = stitcher("start", "--data-dir", str(tmp_path / "new"))
    finally:
        tmp_path.chmod(0o700)
    assert result.exit_code == 1
    assert "Permission denied" in result.stderr


def test_every_setting_has_its_flag(stitcher: Command) -> None:
    text = stitcher("start", "--help").stdout
    for row in SETTINGS.values():
        for flag in row.flag.split("/"):
            assert (flag in text) is (row.name != "model")
