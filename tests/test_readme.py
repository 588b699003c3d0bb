"""What the README and the docs say is what happens: commands, examples, links, pictures."""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stitcher.cli.demo import BEFORE
from stitcher.simulator.serve import SimulatorThread
from tests.end_to_end.proxy_process import ProxyProcess

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
USUAL = "http://127.0.0.1:8081"


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """The commands of all shell blocks, without their comments."""
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [line.partition(" #")[0].strip() for line in lines if line.strip()]


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy in front of the simulator, for the examples."""
    with SimulatorThread() as simulator:
        proxy = ProxyProcess(tmp_path_factory.mktemp("readme"), simulator.url)
        proxy.start()
        yield proxy
        proxy.terminate()


def test_the_first_screen_has_the_two_commands() -> None:
    first = blocks("sh")[0]
    assert commands(README)[:2] == ["make demo", "make test"]
    assert README.index(first) < 1_500, "in the first screen"


@pytest.mark.parametrize("command", [c for c in commands(README) if c.startswith("make ")])
def test_every_make_command_has_a_target(command: str) -> None:
    assert re.search(rf"^{command.split()[1]}:", MAKEFILE, re.MULTILINE)


def test_the_gate_runs_the_readmes_test_command() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make check", "make test", "make test-clients"} <= set(gate)


@pytest.mark.parametrize("example", blocks("python"))
def test_the_python_example_runs_and_remembers(
    example: str, world: ProxyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"http://127.0.0.1:{world.port}"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{here}/v1")  # the library's needs no proxy
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.replace(USUAL, here), "README.md", "exec"), {})
    assert printed.getvalue() == 'The first thing you said was: "My name is Ada."\n'


def test_the_commands_after_installing_run_unattended(tmp_path: Path) -> None:
    """`init` and `start`; what `pip install` installs is this very package."""
    assert "stitcher init" in commands(README)
    assert "stitcher start" in commands(README)
    environment = {**os.environ, "HOME": str(tmp_path), "NO_COLOR": "1"}
    for arguments in (["init"], ["start", "--help"], ["integrate"]):
        done = subprocess.run(
            [sys.executable, "-m", "stitcher.cli.app", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'name = "stitcher-llm"' in project
    assert re.search(r"^proxy = \[", project, re.MULTILINE)


def test_the_table_of_the_demo_is_what_the_demo_prints() -> None:
    """Its turns are; that it runs is tests/cli/test_demo.py."""
    shown = blocks("text")[0]
    says = [line.split("  ")[1] for line in shown.splitlines() if line.startswith("anthropic")]
    assert len(says) == len(BEFORE) + 1
    for line, text in zip(says, [*BEFORE, "What did I say first?"], strict=True):
        assert text.startswith(line.split("…")[0].strip())


def test_every_header_and_mode_named_is_one_there_is() -> None:
    source = (ROOT / "src/stitcher/exchange.py").read_text(encoding="utf-8")
    source += (ROOT / "src/stitcher/proxy/dialect_calls.py").read_text(encoding="utf-8")
    source += "".join(path.read_text("utf-8") for path in ROOT.glob("src/stitcher/*.py"))
    for header in set(re.findall(r"X-Stitcher-[A-Z][a-z]+", README)):
        assert header.lower() in source.lower(), header


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("picture", sorted(ROOT.glob("docs/images/*.svg")), ids=page_name)
def test_pictures_are_well_formed_and_described(picture: Path) -> None:
    svg = ElementTree.parse(picture).getroot()
    names = {child.tag.rpartition("}")[2] for child in svg}
    assert {"title", "desc"} <= names, "for those who cannot see it"


def test_every_client_of_the_table_has_its_page() -> None:
    linked = set(re.findall(r"\(docs/clients/([\w-]+)\.md\)", README))
    assert linked == {page.stem for page in ROOT.glob("docs/clients/*.md")}
