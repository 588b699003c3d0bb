"""Drives the real Claude Code headless (`claude -p`), in a home and a repository of its own.

Knows its flags and what it prints, nothing of what it sends.
"""

import json
import subprocess
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


class ClaudeCode:
    def __init__(self, folder: Path, base_url: str) -> None:
        self._binaries = node_modules() / ".bin"
        self._home = folder / "claude-home"
        self._repository = folder / "repository"
        self._home.mkdir()
        self._repository.mkdir()
        self._environment = {
            "PATH": f"{self._binaries}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._home),
            "ANTHROPIC_BASE_URL": base_url,
            "ANTHROPIC_API_KEY": "sk-test",
            # Without a sandbox it refuses --dangerously-skip-permissions to root, which CI runs as.
            "IS_SANDBOX": "1",
            **dict.fromkeys(_QUIET, "1"),
        }
        subprocess.run(
            ["git", "init", "-q"], cwd=self._repository, env=self._environment, check=True
        )

    def run(self, prompt: str, *flags: str) -> dict[str, Any]:
        """One headless run; returns what `--output-format json` prints: result, session_id, ..."""
        command = [str(self._binaries / "claude"), "-p", prompt, "--output-format", "json", *flags]
        done = subprocess.run(
            command,
            cwd=self._repository,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"claude {flags}: {done.stdout}{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        assert not answer["is_error"], answer
        return answer
