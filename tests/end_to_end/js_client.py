"""Drives one of the programs in js/: a JavaScript client in a process that lives over its steps.

Knows how a step and its answer are written, nothing of what the client sends.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.end_to_end.presence import node_modules

_PROGRAMS = Path(__file__).parent / "js"


class JavaScriptClient:
    """`settings`: baseUrl, apiKey, model, and optionally system and provider."""

    def __init__(self, program: str, folder: Path, **settings: str) -> None:
        modules = node_modules()
        # node looks for packages beside a program's real path, so the programs are copied there.
        scripts = folder / "js"
        shutil.copytree(_PROGRAMS, scripts)
        (scripts / "node_modules").symlink_to(modules)
        self._errors = scripts / "stderr"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [modules / ".bin" / "node", scripts / program, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={"PATH": os.environ["PATH"], "HOME": str(scripts)},
                text=True,
            )

    def say(self, text: str, **step: Any) -> dict[str, Any]:
        """One turn. Options: stream, tools, thin, thinking, headers."""
        answer = self.attempt(text, **step)
        assert "error" not in answer, answer["error"]
        return answer

    def attempt(self, text: str, **step: Any) -> dict[str, Any]:
        """One turn that may fail: then the answer is {"error": "Name: message"}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"say": text, **step}) + "\n")
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
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()
