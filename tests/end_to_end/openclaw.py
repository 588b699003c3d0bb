"""Drives the real OpenClaw (`openclaw agent --local`), one process a turn, in a home of its own.

Knows its settings, its flags and what it prints, nothing of what it sends.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, Literal

from tests.end_to_end.presence import node_modules

Api = Literal["openai-completions", "openai-responses", "anthropic-messages"]

_MODELS: dict[Api, str] = {
    "openai-completions": "gpt-4o",
    "openai-responses": "gpt-4o",
    "anthropic-messages": "claude-sonnet-4-5",
}
_FREE = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
_DEADLINE = 180.0


class OpenClaw:
    """One conversation over one of its APIs; `compat` are the model's compatibility settings."""

    def __init__(self, folder: Path, url: str, api: Api, **compat: bool) -> None:
        self._binaries = node_modules() / ".bin"
        self._home = folder / "openclaw-home"
        (self._home / ".openclaw").mkdir(parents=True)
        model = {
            "id": _MODELS[api],
            "name": _MODELS[api],
            "reasoning": False,
            "input": ["text"],
            "contextWindow": 128_000,
            "maxTokens": 8_000,
            "cost": _FREE,
            "compat": compat,
        }
        provider: dict[str, Any] = {
            "baseUrl": url if api == "anthropic-messages" else f"{url}/v1",
            "apiKey": "sk-test",
            "api": api,
            "models": [model],
        }
        settings = {
            "models": {"mode": "merge", "providers": {"stitcher": provider}},
            "agents": {"defaults": {"model": {"primary": f"stitcher/{_MODELS[api]}"}}},
            "plugins": {"enabled": False},  # they cost it a third of its start
        }
        (self._home / ".openclaw" / "openclaw.json").write_text(json.dumps(settings))

    def say(self, text: str) -> str:
        """One turn; returns the answer."""
        done = subprocess.run(
            [
                *(self._binaries / "openclaw", "agent", "--local", "--json"),
                *("--session-id", "s1", "--message", text),
            ],
            cwd=self._home,
            env={"PATH": f"{self._binaries}:/usr/bin:/bin", "HOME": str(self._home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"openclaw: {done.stdout}{done.stderr}"
        payloads: list[dict[str, Any]] = json.loads(done.stdout)["payloads"]
        return "".join(payload["text"] for payload in payloads)
