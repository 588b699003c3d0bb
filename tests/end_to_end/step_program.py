"""Drives a client in a process of its own that lives over its steps: one JSON line in, one out.

Knows how a step and its answer are written, nothing of what the client sends.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class StepProgram:
    """`command` reads steps from its standard input and prints an answer to each."""

    def __init__(
        self, command: Sequence[str | Path], environment: dict[str, str], errors: Path
    ) -> None:
        self._errors = errors
        with errors.open("w") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
                text=True,
            )

    def say(self, text: str, **step: Any) -> dict[str, Any]:
        """One turn; the program says which options it knows."""
        return self.do(say=text, **step)

    def attempt(self, text: str, **step: Any) -> dict[str, Any]:
        """One turn that may fail: then the answer is {"error": "Name: message"}."""
        return self._take({"say": text, **step})

    def do(self, **step: Any) -> dict[str, Any]:
        """One step of another kind."""
        answer = self._take(step)
        assert "error" not in answer, answer["error"]
        return answer

    def _take(self, step: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client ended: {self._errors.read_text()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()
