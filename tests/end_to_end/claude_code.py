"""Drives the real Claude Code, headless or in a terminal, in a home and a repository of its own.

Knows its flags, its keys and what it prints, nothing of what it sends.
"""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.presence import node_modules

# Without these it looks for updates and reports home before its first request.
_QUIET = (
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
)
_KEY = "sk-test"
_ROWS, _COLUMNS = 50, 160
_DEADLINE = 60.0


class ClaudeCode:
    def __init__(self, folder: Path, base_url: str, **environment: str) -> None:
        self._binaries = node_modules() / ".bin"
        self._home = folder / "claude-home"
        self._repository = folder / "repository"
        self._home.mkdir(parents=True)
        self._repository.mkdir()
        self._environment = {
            "PATH": f"{self._binaries}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._home),
            "TERM": "xterm-256color",
            "ANTHROPIC_BASE_URL": base_url,
            "ANTHROPIC_API_KEY": _KEY,
            # Without a sandbox it refuses --dangerously-skip-permissions to root, which CI runs as.
            "IS_SANDBOX": "1",
            **dict.fromkeys(_QUIET, "1"),
            **environment,
        }
        subprocess.run(
            ["git", "init", "-q"], cwd=self._repository, env=self._environment, check=True
        )

    def run(self, prompt: str, *flags: str) -> dict[str, Any]:
        """One headless run; returns what `--output-format json` prints: result, session_id, ..."""
        done = subprocess.run(
            [self._binaries / "claude", "-p", prompt, "--output-format", "json", *flags],
            cwd=self._repository,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"claude {flags}: {done.stdout}{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        assert not answer["is_error"], answer
        return answer

    @contextmanager
    def terminal(self) -> Iterator["Terminal"]:
        """The interactive program, past its welcome."""
        settings = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [_KEY], "rejected": []},
            "projects": {str(self._repository): {"hasTrustDialogAccepted": True}},
        }
        (self._home / ".claude.json").write_text(json.dumps(settings))
        keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        process = subprocess.Popen(
            [self._binaries / "claude"],
            cwd=self._repository,
            env=self._environment,
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
        os.close(screen)
        terminal = Terminal(keyboard)
        try:
            terminal.wait_until(lambda: "❯" in terminal.shown, "its prompt")
            yield terminal
        finally:
            process.kill()
            process.wait()
            terminal.close()


class Terminal:
    """Keys in, screen out. What it shows is redrawn all the time, so wait for effects elsewhere."""

    def __init__(self, keyboard: int) -> None:
        self._keyboard = keyboard
        self._shown = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def shown(self) -> str:
        with self._changed:
            return self._shown.decode("utf-8", "replace")

    def enter(self, line: str) -> None:
        """Types a line. The Enter key comes apart: together they would be taken for a paste."""
        self.press(line)
        self._wait_until_quiet()
        self.press("\r")

    def escape(self) -> None:
        self.press("\x1b")
        self._wait_until_quiet()

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Looks again whenever the screen changes; a turn's spinner changes it all the time."""
        deadline = time.monotonic() + _DEADLINE
        while not reached():
            assert time.monotonic() < deadline, f"waited for {what}; shown: {self.shown[-3000:]}"
            with self._changed:
                self._changed.wait(0.1)

    def close(self) -> None:
        self._reader.join()
        os.close(self._keyboard)

    def _wait_until_quiet(self) -> None:
        with self._changed:
            while self._changed.wait(0.3):
                pass

    def _read(self) -> None:
        while True:
            try:
                shown = os.read(self._keyboard, 65536)
            except OSError:  # the program at the other end is gone
                return
            with self._changed:
                self._shown += shown
                self._changed.notify_all()
