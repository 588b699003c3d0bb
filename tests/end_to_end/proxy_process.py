"""The proxy as users run it: `stitcher start` in a process of its own.

Starts it, waits until it says that it listens, stops it. Knows nothing of what it does.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

READY = "Stitcher is listening on http://127.0.0.1:"
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 15.0
_COMMAND = (sys.executable, "-m", "stitcher.cli.app")


class ProxyProcess:
    """One proxy on one data directory; it may be started and stopped several times."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self.data_dir = folder / "sessions"
        self.port = 0  # a free one, chosen at the first start and kept
        self._upstream = upstream
        self._home = folder / "home"
        self._home.mkdir()
        self._errors = folder / "proxy.stderr"
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def launch(self) -> None:
        """Begins to start it; `wait_until_ready` must follow before it is used."""
        command = [*_COMMAND, "start", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data-dir", str(self.data_dir)]
        command += ["--upstream", self._upstream, "--upstream-anthropic", self._upstream]
        with self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment(),
                text=True,
            )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=_read_lines, args=(self._process, self._lines))
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Returns once it takes requests."""
        said = ""
        try:
            while line := self._lines.get(timeout=_START_TIMEOUT):
                if line.startswith(READY):
                    self.port = int(line.removeprefix(READY).strip().rstrip("/"))
                    return
                said += line
        except queue.Empty:
            said += f"(nothing more within {_START_TIMEOUT:.0f} s)"
        self.kill()
        raise AssertionError(f"the proxy did not start:\n{said}\n{self.errors()}")

    def terminate(self) -> None:
        """Stops it as a service manager does; it must end by itself and without complaint."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the proxy:\n{self.errors()}") from None
        self._finish_reading()
        assert code == 0, f"SIGTERM ended the proxy with exit code {code}:\n{self.errors()}"

    def kill(self) -> None:
        """Ends it without a warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._finish_reading()

    def errors(self) -> str:
        return self._errors.read_text()

    def command(self, *arguments: str) -> str:
        """Runs another `stitcher` command on the same data directory; returns what it printed."""
        done = subprocess.run(
            [*_COMMAND, *arguments, "--data-dir", str(self.data_dir)],
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"stitcher {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        # Nothing of the developer's own settings (STITCHER_*, proxies, keys) reaches the process.
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return kept | {"HOME": str(self._home), "PYTHONUNBUFFERED": "1"}

    def _finish_reading(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._reader is not None
        self._reader.join(_STOP_TIMEOUT)
        self._process.stdout.close()


def _read_lines(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """Reads all it prints, so that a full pipe never stops it; an empty string marks the end."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")
