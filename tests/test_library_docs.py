"""The library's pages say what happens: every example runs, in order, and prints what it says.

Examples for a provider talk to the simulated one. Those for Gemini, which it does not play, are run
by tests/end_to_end/test_google_genai.py.
"""

import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from stitcher.simulator.serve import SimulatorThread

ROOT = Path(__file__).parents[1]
PAGES = ("docs/library.md", "docs/coming-from.md")
ELSEWHERE = "from google import genai"

_PRINTS = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


def examples(page: str) -> list[str]:
    """The Python blocks of a page, but for those that need another provider."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in found if ELSEWHERE not in block]


def clients_environment(url: str) -> dict[str, str]:
    """What has the providers' clients talk to one that listens there."""
    return {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-test",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": "test",
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs_and_prints_what_it_says(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {"__name__": page}
    with SimulatorThread() as simulator:
        for name, value in clients_environment(simulator.url).items():
            monkeypatch.setenv(name, value)
        for block in examples(page):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block, page, "exec"), names)
            said = [line.partition(":")[0] for line in printed.getvalue().splitlines()]
            assert said == [line.partition(":")[0] for line in _PRINTS.findall(block)]
        for client in names.values():
            if isinstance(client, OpenAI | Anthropic):
                client.close()
        refused = [one.status for one in simulator.requests if one.status != 200]
    assert refused == []


def test_every_example_is_typed_as_strictly_as_we_are(tmp_path: Path) -> None:
    """Those of a page go on from each other, those of the README stand alone."""
    expect_typed(tmp_path, [*("\n".join(examples(page)) for page in PAGES), *examples("README.md")])


def expect_typed(folder: Path, programs: Iterable[str], *, within: float = 110) -> None:
    """Programs that pass `mypy --strict`, checked within so many seconds."""
    modules: list[Path] = []
    for n, program in enumerate(programs):
        modules.append(folder / f"example_{n}.py")
        modules[-1].write_text(program, encoding="utf-8")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file", ""),
            *("--cache-dir", str(ROOT / ".mypy_cache"), *map(str, modules)),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=within,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_pages_name_every_ready_hook_and_adapter() -> None:
    import stitcher

    text = (ROOT / PAGES[0]).read_text(encoding="utf-8")
    kinds = ("Adapter", "_hook")
    named = [name for name in stitcher.__all__ if name.endswith(kinds)]
    assert [name for name in named if name not in text] == []
