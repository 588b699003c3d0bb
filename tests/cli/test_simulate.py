"""`stitcher simulate`: the simulated provider as a process."""

import signal
import subprocess
import sys
import urllib.request

from tests.cli.conftest import Command


def test_it_says_where_it_is_and_answers_until_stopped(stitcher: Command) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stitcher.cli.app", "simulate", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
