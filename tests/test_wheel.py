"""The wheel, alone in an empty environment: the library needs nothing but Python.

Built from this very tree; the build's own requirement comes from the package index.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_library_docs import examples

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
THIRD_PARTY = ("anthropic", "openai", "google", "langchain", "agents", "pydantic_ai")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and nothing else."""
    there = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--wheel", "-o", there, ROOT, cwd=there)
    (wheel,) = there.glob("stitcher_llm-*.whl")
    run(UV, "venv", "--python", sys.executable, there / "empty", cwd=there)
    names = ("python", "python.exe")
    alone = next(path for path in (there / "empty").glob("*/python*") if path.name in names)
    run(UV, "pip", "install", "--offline", "--python", alone, wheel, cwd=there)
    listed = json.loads(run(UV, "pip", "list", "--format", "json", "--python", alone, cwd=there))
    assert [package["name"] for package in listed] == ["stitcher-llm"]
    return alone


def of_the_library_alone() -> list[str]:
    """The examples of the pages that import nobody's client, and use nothing of those that do."""
    found, unusable = [], {"client", "completion", "response", "openai", "google", "manager"}
    for page in ("docs/coming-from.md", "docs/library.md"):
        for block in examples(page):
            if any(f"from {name}" in block for name in THIRD_PARTY):
                continue
            if page == "docs/library.md" and any(name in block for name in unusable):
                continue
            found.append(block)
    return found


def test_the_librarys_examples_run_there(python: Path, tmp_path: Path) -> None:
    blocks = of_the_library_alone()
    assert len(blocks) >= 5
    program = tmp_path / "examples.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    assert "tool call 'c1' had no result" in run(python, "-I", program, cwd=tmp_path)


def test_every_public_name_is_there(python: Path, tmp_path: Path) -> None:
    """Also the adapters' requests, whose modules are imported when one is made."""
    program = tmp_path / "names.py"
    program.write_text(
        """
import stitcher
from stitcher import *

for name in stitcher.__all__:
    assert getattr(stitcher, name) is not None, name
said = [{"role": "user", "content": "hi"}]
for adapter in (OpenAIAdapter, OpenAIResponsesAdapter, AnthropicAdapter, GeminiAdapter):
    assert adapter("any-model").build_request(said)["model"] == "any-model"
print(stitcher.__version__)
""",
        encoding="utf-8",
    )
    assert run(python, "-I", program, cwd=tmp_path).strip()


def test_it_is_typed(python: Path, tmp_path: Path) -> None:
    told = "import stitcher, pathlib; print(pathlib.Path(stitcher.__file__).parent)"
    package = Path(run(python, "-I", "-c", told, cwd=tmp_path).strip())
    assert (package / "py.typed").exists()


def test_importing_the_library_imports_nothing_of_the_proxys(tmp_path: Path) -> None:
    """Here, where all of it is installed."""
    told = (
        "import sys; from stitcher import *; "
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "('aiohttp', 'msgspec', 'uvloop', 'rapidfuzz', 'typer', 'rich', 'openai', 'anthropic', "
        "'quicktok', 'asyncio') or name.startswith(('stitcher.proxy', 'stitcher.wire'))])"
    )
    assert run(sys.executable, "-c", told, cwd=tmp_path).strip() == "[]"


def test_the_command_says_what_it_needs(python: Path) -> None:
    """It is installed with the library, and runs with what the proxy needs."""
    command = python.with_name("stitcher")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "stitcher-llm[proxy]"' in done.stderr
    assert "Traceback" not in done.stderr
