"""Flags made from the settings table, and the settings in force."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from stitcher.cli.options import field_flags, help_text, load, metavar
from stitcher.errors import SettingsError
from stitcher.settings import SETTINGS
from tests.cli.conftest import Command


def test_the_file_is_read_and_what_is_odd_is_said(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stitcher.write_config(port=9000, api_key="sk-hidden", prot=1)
    stitcher.config.chmod(0o644)
    monkeypatch.setenv("STITCHER_PROT", "1")
    loaded = load({"keep": "0.4"})
    assert (loaded.resolved.settings.port, loaded.resolved.settings.keep) == (9000, 0.4)
    assert loaded.path == stitcher.config
    said = capsys.readouterr()
    assert said.out == ""
    assert "STITCHER_PROT is not a setting" in said.err
    assert f'"prot" in {stitcher.config} is not a setting' in said.err
    assert f"holds a key and others can read it: chmod 600 {stitcher.config}" in said.err
    assert "hidden" not in said.err


def test_a_bad_value_in_the_file_names_the_file(stitcher: Command) -> None:
    stitcher.write_config(port="x")
    with pytest.raises(SettingsError, match=f'"port" in {stitcher.config}: found'):
        load({})


def test_help_says_the_default() -> None:
    assert help_text(SETTINGS["port"]).endswith("(default: 8081)")
    assert "default" not in help_text(SETTINGS["api_key"])
    shown = [metavar(SETTINGS[name]) for name in ("port", "mode", "data_dir", "upstream", "model")]
    assert shown == ["N", "stitch|observe|off", "DIR", "URL", "TEXT"]
    assert metavar(SETTINGS["ask_usage"]) is None


@dataclass(frozen=True)
class Wanted:
    name: Annotated[str, typer.Option(help="A name.")] = "nobody"
    loud: Annotated[bool, typer.Option("--loud", help="Shout.")] = False


def test_a_dataclass_is_flags(capsys: pytest.CaptureFixture[str]) -> None:
    taken: list[Wanted] = []
    app = typer.Typer()
    app.command()(field_flags(Wanted)(taken.append))
    for arguments in ([], ["--loud", "--name", "Ada"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert taken == [Wanted(), Wanted("Ada", loud=True)]
    assert "--loud" in CliRunner().invoke(app, ["--help"]).stdout
