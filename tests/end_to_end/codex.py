"""Drives the real Codex (`codex exec`) in a home and a working folder of its own.

Knows its settings, its flags and what it prints, nothing of what it sends.
"""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tests.end_to_end.presence import node_modules

PLAIN_MODEL = "gpt-5-codex"  # not in its catalogue: it sends functions in `tools`
CATALOGUE_MODEL = "gpt-6.1-sol"  # in its catalogue: tools are an item, the main one is custom

_SETTINGS = f"""\
model = "{PLAIN_MODEL}"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
"""
_QUIET = """
[analytics]
enabled = false
"""
_PROVIDER = """
[model_providers.stitcher]
name = "Stitcher"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""
_KEY = "sk-test"
_NOWHERE = "http://127.0.0.1:9"  # a port where nothing listens
_DEADLINE = 90.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one start of Codex printed: its events, a JSON object a line, and its errors."""

    events: list[dict[str, Any]]
    errors: str

    @property
    def thread(self) -> str:
        """Codex's own id of the conversation."""
        return str(next(e["thread_id"] for e in self.events if e["type"] == "thread.started"))

    @property
    def answers(self) -> list[str]:
        items = [event["item"] for event in self.events if event["type"] == "item.completed"]
        return [item["text"] for item in items if item["type"] == "agent_message"]


class Codex:
    """`settings` are the text of its config.toml."""

    def __init__(self, folder: Path, settings: str) -> None:
        self._binaries = node_modules() / ".bin"
        self._home = folder / "codex-home"
        self._work = folder / "codex-work"
        (self._home / ".codex").mkdir(parents=True)
        (self._home / ".codex" / "config.toml").write_text(settings)
        self._work.mkdir()
        self._environment = {
            "PATH": f"{self._binaries}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._home),
            "OPENAI_API_KEY": _KEY,  # which a provider of one's own names in `env_key`,
            "CODEX_API_KEY": _KEY,  # and the one that the built-in provider reads
            # It looks for updates and news elsewhere, whatever its settings say.
            "HTTPS_PROXY": _NOWHERE,
            "NO_PROXY": "127.0.0.1",
        }

    @classmethod
    def with_provider(cls, folder: Path, url: str) -> Self:
        """Set up with a provider of one's own: Codex speaks HTTP."""
        provider = 'model_provider = "stitcher"\n'
        return cls(folder, _SETTINGS + provider + _QUIET + _PROVIDER.format(url=url))

    @classmethod
    def with_base_url(cls, folder: Path, url: str) -> Self:
        """Set up with the built-in provider's address: Codex tries a WebSocket first."""
        return cls(folder, f'{_SETTINGS}openai_base_url = "{url}/v1"\n{_QUIET}')

    @classmethod
    def with_login(cls, folder: Path, url: str) -> Self:
        """Logged in with a ChatGPT account: over HTTP it compresses what it sends."""
        elsewhere = f'chatgpt_base_url = "{_NOWHERE}/"\n'
        codex = cls(folder, f'{_SETTINGS}openai_base_url = "{url}/v1"\n{elsewhere}{_QUIET}')
        for name in ("OPENAI_API_KEY", "CODEX_API_KEY"):
            del codex._environment[name]
        token = _unsigned_token()
        login = {
            "tokens": {
                "id_token": token,
                "access_token": token,
                "refresh_token": "none",
                "account_id": "account",
            },
            "last_refresh": datetime.now(UTC).isoformat(),
        }
        (codex._home / ".codex" / "auth.json").write_text(json.dumps(login))
        return codex

    def run(self, prompt: str, *flags: str) -> Run:
        """A new conversation."""
        return self._execute(*flags, prompt)

    def resume(self, prompt: str, *flags: str) -> Run:
        """Goes on with the newest conversation, in a new process."""
        return self._execute(*flags, "resume", "--last", prompt)

    def _execute(self, *arguments: str) -> Run:
        done = subprocess.run(
            [self._binaries / "codex", "exec", "--skip-git-repo-check", "--json", *arguments],
            cwd=self._work,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"codex {arguments}: {done.stdout}{done.stderr}"
        return Run([json.loads(line) for line in done.stdout.splitlines()], done.stderr)


def _unsigned_token() -> str:
    """A JSON web token as a login leaves it, valid for an hour."""
    account = {"chatgpt_plan_type": "pro", "chatgpt_account_id": "account"}
    claims = {"exp": int(time.time()) + 3600, "https://api.openai.com/auth": account}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, b"signature")
    )
