"""What Ollama cached, read from the log of its server: its answers do not say it.

The lines are those of llama.cpp's server underneath (as Ollama 0.32 prints them, 2026-10):

    ... | task 5 | new prompt, n_ctx_slot = 4096, n_keep = 4, task.n_tokens = 120
    ... | task 5 | cached n_tokens = 36, memory_seq_rm [36, end)
    ... | task 5 | prompt eval time =      90.84 ms /    84 tokens (...)

The second one comes again with each batch of a long prompt: the first after `new prompt` says what
was cached. Everything else in the log is passed over.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stitcher.errors import SettingsError, StitcherError

WHERE: Final = (
    "Ollama writes its log to ~/.ollama/logs/server.log (macOS), %LOCALAPPDATA%\\Ollama\\server.log"
    " (Windows), the journal (Linux: journalctl -u ollama -f > FILE) or the terminal that runs"
    " `ollama serve`"
)
"""docs.ollama.com, "Troubleshooting", 2026-11."""

_TASK: Final = r"\btask (\d+) \|.*?"
_PROMPT: Final = re.compile(_TASK + r"\bnew prompt\b.*\btask\.n_tokens = (\d+)")
_CACHED: Final = re.compile(_TASK + r"\bcached n_tokens = (\d+)")
_COMPUTED: Final = re.compile(_TASK + r"\bprompt eval time = .* / +(\d+) tokens")

# The log comes through a pipe, and may be later than the answer.
_LOOKS: Final = 20
_PAUSE: Final = 0.1  # seconds
_SETTLED: Final = 5  # looks, after which a prompt of another size than reported is taken for it


class NothingLogged(StitcherError):
    """The log has nothing of a request that was answered."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What the log says of one prompt, in tokens."""

    total: int
    cached: int


class OllamaLog:
    """The log from here on; ask after each request, one request at a time."""

    def __init__(
        self, path: Path, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Raises SettingsError for a file that cannot be read."""
        self._path = path
        self._pause = pause
        try:
            self._read = path.stat().st_size
            path.open("rb").close()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError(
                f"--ollama-log: {path}: cannot be read ({reason}), expected Ollama's log. {WHERE}"
            ) from None

    async def latest(self, reported: int | None) -> Logged:
        """What was logged of the request that was just answered.

        `reported` are its prompt's tokens, if the answer said how many: they tell it from other
        prompts that were logged meanwhile. Raises NothingLogged.
        """
        lines: list[str] = []
        for look in range(_LOOKS):
            if look:
                await self._pause(_PAUSE)
            lines += self._new_lines()
            found = prompts(lines)
            same = [one for one in found if one.total == reported]
            if same or (found and look >= _SETTLED):
                return (same or found)[-1]
        raise NothingLogged(
            f"{self._path}: found no `new prompt` with its `cached n_tokens` for a request that"
            " was answered, expected Ollama to log them: is this the log of the server that"
            f" answers, and does it run with OLLAMA_DEBUG=1? {WHERE}"
        )

    def _new_lines(self) -> list[str]:
        """The whole lines that were written since the last look."""
        try:
            if self._path.stat().st_size < self._read:
                self._read = 0  # begun anew: Ollama does at each start
            with self._path.open("rb") as log:
                log.seek(self._read)
                data = log.read()
        except OSError:
            return []  # between two files; it is looked for again
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


def prompts(lines: Sequence[str]) -> list[Logged]:
    """The prompts of which enough is logged, in order."""
    totals: dict[str, int] = {}
    cached: dict[str, int] = {}
    for line in lines:
        if found := _PROMPT.search(line):
            # A server that was started again counts its tasks from the beginning.
            totals.pop(found[1], None)
            cached.pop(found[1], None)
            totals[found[1]] = int(found[2])
        elif (found := _CACHED.search(line)) and found[1] in totals:
            cached.setdefault(found[1], int(found[2]))
        elif (found := _COMPUTED.search(line)) and found[1] in totals:
            cached.setdefault(found[1], max(0, totals[found[1]] - int(found[2])))
    return [
        Logged(totals[task], min(cached[task], totals[task])) for task in totals if task in cached
    ]
