"""`stitcher simulate`: the simulated provider as a process."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.cli.conftest import Command


def test_it_says_where_it_is_and_answers_until_stopped(stitcher: Command) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stitcher.cli.app", "simulate", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background ignores it, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        url = first.removeprefix("The simulated provider is listening on ").strip()
        assert second.split() == (
            ["stitcher", "start", "--upstream", url, "--upstream-anthropic", url]
        )
        ask = urllib.request.Request(f"{url}/v1/models", headers={"Authorization": "Bearer x"})
        with urllib.request.urlopen(ask, timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.communicate()


def test_a_port_that_is_none(stitcher: Command) -> None:
    result = stitcher("simulate", "--port", "70000")
    assert result.exit_code == 2
    assert "--port: found 70000, expected a port between 0 and 65535" in result.stderr


def test_its_clock_can_stand_and_be_moved(stitcher: Command, tmp_path: Path) -> None:
    log = tmp_path / "ollama.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "stitcher.cli.app", "simulate", "--port", "0", "--still-clock",
         "--ollama-log", str(log)],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer x"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{url}{path}", data, headers), timeout=10
        ) as answer:
            return json.load(answer)

    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = first.removeprefix("The simulated provider is listening on ").strip()
        assert ask("/simulator/clock") == {"now": 0.0}
        assert ask("/simulator/clock", {"advance": 3600}) == {"now": 3600.0}
        messages = [{"role": "user", "content": "hi"}]
        ask("/v1/chat/completions", {"model": "ollama-sim", "messages": messages})
        assert "cached n_tokens = 0" in log.read_text()
    finally:
        process.kill()
        process.communicate()
