"""The page on integrations says what happens; and who has not installed a framework is told how."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stitcher.simulator.serve import SimulatorThread
from tests.end_to_end.presence import client_package
from tests.test_library_docs import clients_environment, expect_typed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

# The package that each module of ours imports, and what installs it.
EXTRAS = {
    "langchain": ("langchain_core", "langchain"),
    "openai_agents": ("agents", "openai-agents"),
    "pydantic_ai": ("pydantic_ai", "pydantic-ai"),
}


# Each framework's part of the page: its examples go on from each other.
PARTS = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if "```python" in part]


def blocks(language: str, text: str = PAGE) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def heading(part: str) -> str:
    return part.partition("\n")[0]


@pytest.mark.clients
@pytest.mark.parametrize("part", PARTS, ids=heading)
def test_every_example_runs_and_prints_what_it_says(part: str) -> None:
    """In a process of their own: the frameworks let go of connections as they like."""
    for package in ("langchain_openai", "agents", "pydantic_ai.models.openai"):
        client_package(package)
    examples = blocks("python", part)
    program = "\n".join(examples)
    traces = {"OPENAI_AGENTS_DISABLE_TRACING": "1"}  # they go to OpenAI itself
    with SimulatorThread() as simulator:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **traces, **clients_environment(simulator.url)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        statuses = [received.status for received in simulator.requests]
    assert done.returncode == 0, done.stderr
    said = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert done.stdout.splitlines() == said
    assert len(said) == len(examples)
    assert len(statuses) > len(examples)
    assert set(statuses) == {200}


@pytest.mark.clients
@pytest.mark.timeout(310)  # the frameworks are large, and mypy reads them
def test_every_example_is_typed_as_strictly_as_we_are(tmp_path: Path) -> None:
    for package in ("langchain_openai", "agents", "pydantic_ai.models.openai"):
        client_package(package)
    expect_typed(tmp_path, ("\n".join(blocks("python", part)) for part in PARTS), within=300)


@pytest.mark.parametrize("module", EXTRAS)
def test_who_has_not_installed_it_is_told_how(module: str) -> None:
    package, extra = EXTRAS[module]
    program = f"import sys; sys.modules[{package!r}] = None; import stitcher.integrations.{module}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    *_, last = done.stderr.splitlines()
    assert last.startswith(f"ImportError: stitcher.integrations.{module} needs ")
    assert last.endswith(f': pip install "stitcher-llm[{extra}]"')
    assert f'pip install "stitcher-llm[{extra}]"' in "".join(blocks("sh"))
    assert re.search(rf"^{extra} = \[", PROJECT, re.MULTILINE)
