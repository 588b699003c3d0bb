"""The proxy as users run it: `stitcher start` in a process of its own.

Starts it, waits until it says that it listens, stops it. Knows nothing of what it does.

The processes are forked from a server that has imported the program once: reading it anew for
each of a hundred starts would be most of the tests' time.
"""

import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

READY = "Stitcher is listening on http://127.0.0.1:"
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 15.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["stitcher.cli.app", "stitcher.proxy.serve"])


class ProxyProcess:
    """One proxy on one data directory; it may be started and stopped several times."""

    def __init__(self, folder: Path, upstream: str, *options: str) -> None:
        self.data_dir = folder / "sessions"
        self.port = 0  # a free one, chosen at the first start and kept
        self._upstream = upstream
        self._options = options  # of `stitcher start`, at every start
        self._home = folder / "home"
        self._home.mkdir()
        self._errors = folder / "proxy.stderr"
        self._process: BaseProcess | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Returns once it takes requests."""
        arguments = ["start", "--host", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--data-dir", str(self.data_dir)]
        arguments += ["--upstream", self._upstream, "--upstream-anthropic", self._upstream]
        arguments += self._options
        said, saying = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_run, args=(arguments, self._environment(), saying, str(self._errors))
        )
        self._process.start()
        saying.close()
        lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=_read_lines, args=(said, lines))
        self._reader.start()
        self.port = self._wait_until_ready(lines)

    def terminate(self) -> None:
        """Stops it as a service manager does; it must end by itself and without complaint."""
        assert self._process is not None
        self._process.terminate()
        self._process.join(_STOP_TIMEOUT)
        code = self._process.exitcode
        self.kill()
        assert code is not None, f"SIGTERM did not end the proxy:\n{self.errors()}"
        assert code == 0, f"SIGTERM ended the proxy with exit code {code}:\n{self.errors()}"

    def kill(self) -> None:
        """Ends it without a warning."""
        assert self._process is not None
        assert self._reader is not None
        self._process.kill()
        self._process.join()
        self._reader.join()

    def errors(self) -> str:
        return self._errors.read_text() if self._errors.exists() else ""

    def command(self, *arguments: str) -> str:
        """Runs another `stitcher` command on the same data directory; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "stitcher.cli.app", *arguments, "--data-dir", self.data_dir],
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

    def _wait_until_ready(self, lines: queue.Queue[str]) -> int:
        said = ""
        try:
            while line := lines.get(timeout=_START_TIMEOUT):
                if line.startswith(READY):
                    return int(line.removeprefix(READY).strip().rstrip("/"))
                said += line
        except queue.Empty:
            said += f"(nothing more within {_START_TIMEOUT:.0f} s)"
        self.kill()
        raise AssertionError(f"the proxy did not start:\n{said}\n{self.errors()}")


def _run(
    arguments: Sequence[str], environment: dict[str, str], saying: Connection, errors: str
) -> None:
    """In the new process: takes on what a command line would have given it."""
    from stitcher.cli.app import main

    os.dup2(saying.fileno(), 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    saying.close()
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["stitcher", *arguments]
    # multiprocessing leaves SIGINT to the process that forks; a command line would not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


def _read_lines(said: Connection, lines: queue.Queue[str]) -> None:
    """Reads all it prints, so that a full pipe never stops it; an empty string marks the end."""
    with open(os.dup(said.fileno())) as stream:
        said.close()
        for line in stream:
            lines.put(line)
    lines.put("")
