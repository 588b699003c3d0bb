"""The pages made from the code are the ones in docs/."""

import re
from pathlib import Path

import pytest

import stitcher
from stitcher.cli import reference
from stitcher.cli.guides import TARGETS
from stitcher.settings import SETTINGS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", reference.pages())
def test_the_page_is_fresh(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    found = (DOCS / name).read_text(encoding="utf-8")
    assert found == reference.pages()[name], "run: python -m stitcher.cli.reference"


def test_there_is_a_page_for_each_client_and_no_other() -> None:
    assert {path.stem for path in (DOCS / "clients").glob("*.md")} == set(TARGETS)


def test_every_setting_is_documented() -> None:
    page = reference.pages()["reference/settings.md"]
    for row in SETTINGS.values():
        assert f"`{row.env}`" in page
        assert row.doc in page


def test_it_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["reference", str(tmp_path)])
    reference.main()
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    assert written == set(reference.pages())


def test_every_name_of_the_library_is_documented() -> None:
    page = reference.pages()["reference/library.md"]
    named = set(re.findall(r"^### `(?:functional\.)?(\w+)`$", page, re.MULTILINE))
    public = {*stitcher.__all__, *stitcher.functional.__all__} - {"functional", "__version__"}
    assert named == public
    assert "0x" not in page, "an address is another one next time"
