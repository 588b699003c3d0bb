"""A home directory of its own and ways to run the command in it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stitcher.cli.app import app
from stitcher.store.names import component


class Command:
    """Runs `stitcher` with a home directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / ".stitcher" / "config.json"
        self.sessions = home / ".stitcher" / "sessions"

    def __call__(self, *arguments: str, given: str = "") -> Result:
        """Runs it in this process, output piped."""
        return CliRunner().invoke(app, list(arguments), input=given, prog_name="stitcher")

    def process(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs it as a process of its own, output piped and nobody to answer."""
        return subprocess.run(
            [sys.executable, "-m", "stitcher.cli.app", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=30,
            env=os.environ | environ,
            check=False,
        )

    def write_config(self, **values: Any) -> None:
        """Writes the configuration file the way an editor would."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(values))
        self.config.chmod(0o600)

    def read_config(self) -> dict[str, Any]:
        """What the configuration file says."""
        value: dict[str, Any] = json.loads(self.config.read_text())
        return value

    def write_session(self, name: str, *lines: dict[str, Any], tenant: str = "") -> Path:
        """Puts a log where the store keeps it."""
        root = self.sessions / f"@{tenant}" if tenant else self.sessions
        folder = root / component(name)
        folder.mkdir(parents=True, mode=0o700)
        log = folder / "active.jsonl"
        log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return log


@pytest.fixture
def stitcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in list(os.environ):
        if name.startswith("STITCHER_") or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "src")
    return Command(tmp_path)
