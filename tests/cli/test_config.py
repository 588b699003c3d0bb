"""`stitcher config`: what is in force, and changing it."""

import json
from pathlib import Path

import pytest

from stitcher.settings import SETTINGS
from tests.cli.conftest import Command


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()[1:]}


def test_every_setting_is_printed_with_its_source(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stitcher.write_config(port=9000, max_tokens=5000)
    monkeypatch.setenv("STITCHER_MAX_TOKENS", "6000")
    result = stitcher("config", "--keep", "0.4")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["setting", "value", "source"]
    shown = rows(result.stdout)
    assert list(shown) == list(SETTINGS)
    assert shown["port"] == ["9000", "file"]
    assert shown["max_tokens"] == ["6000", "environment"]
    assert shown["keep"] == ["0.4", "flag"]
    assert shown["host"] == ["127.0.0.1", "default"]
    assert shown["ask_usage"] == ["true", "default"]


def test_as_json(stitcher: Command) -> None:
    found = json.loads(stitcher("config", "--json", "--no-usage").stdout)
    assert found["file"] == str(stitcher.config)
    assert found["settings"]["ask_usage"] == {"value": False, "source": "flag"}
    assert found["settings"]["port"] == {"value": 8081, "source": "default"}


def test_no_secret_is_ever_printed(stitcher: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    stitcher.write_config(api_key="sk-hidden-1", proxy_token="hidden-2")
    monkeypatch.setenv("STITCHER_API_KEY_ANTHROPIC", "hidden-3")
    text = [
        stitcher("config").output,
        stitcher("config", "--json").output,
        stitcher("status").output,
        stitcher("status", "--json").output,
        stitcher("config", "set", "api_key", "sk-hidden-4").output,
        stitcher("config", "set", "api_key", "sk-hidden 5").output,
        stitcher("integrate", "cursor").output,
    ]
    assert "hidden" not in "".join(text)
    assert rows(text[0])["api_key"] == ["***", "file"]
    assert stitcher.read_config()["api_key"] == "sk-hidden-4"


def test_set_checks_keeps_what_it_does_not_know_and_hides_the_file(stitcher: Command) -> None:
    stitcher.write_config(port=1, colour="red")
    stitcher.config.chmod(0o644)
    assert stitcher("config", "set", "max-tokens", "200_000").exit_code == 0
    assert stitcher.read_config() == {"port": 1, "colour": "red", "max_tokens": 200000}
    assert stitcher.config.stat().st_mode & 0o777 == 0o600
    assert list(stitcher.config.parent.iterdir()) == [stitcher.config]


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("port", "9000", 9000),
        ("keep", "50%", 0.5),
        ("ask_usage", "no", False),
        ("upstream", "https://x/v1/", "https://x"),
        ("data-dir", "~/elsewhere", "~/elsewhere"),
        ("MODE", "observe", "observe"),
    ],
)
def test_set_stores_the_value_meant(
    stitcher: Command, key: str, value: str, stored: object
) -> None:
    result = stitcher("config", "set", key, value)
    assert result.exit_code == 0
    name = key.lower().replace("-", "_")
    assert stitcher.read_config() == {name: stored}
    assert result.stdout == f"{name} = {stored}  (in {stitcher.config})\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prot", "1"], "'prot' is not a setting; did you mean port?"),
        (["zzz", "1"], "'zzz' is not a setting; there are: host, port,"),
        (["port", "x"], "port: found 'x', expected a whole number"),
        (["port"], "port: no value given, expected a whole number"),
        (["api_key"], "api_key: nothing on stdin, expected the key on its first line"),
    ],
)
def test_set_refuses_and_leaves_the_file_alone(
    stitcher: Command, arguments: list[str], message: str
) -> None:
    stitcher.write_config(port=1)
    result = stitcher("config", "set", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert stitcher.read_config() == {"port": 1}


def test_a_key_can_come_from_stdin_so_that_no_shell_remembers_it(stitcher: Command) -> None:
    assert stitcher("config", "set", "api_key", given="sk-from-stdin\n").exit_code == 0
    assert stitcher.read_config() == {"api_key": "sk-from-stdin"}


def test_set_says_that_the_environment_has_priority(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STITCHER_PORT", "7")
    result = stitcher("config", "set", "port", "9")
    assert "STITCHER_PORT is set in the environment and has priority" in result.stderr


def test_unset(stitcher: Command) -> None:
    stitcher.write_config(port=1, colour="red")
    assert stitcher("config", "unset", "port").exit_code == 0
    assert stitcher("config", "unset", "colour").exit_code == 0
    assert stitcher.read_config() == {}
    assert "nothing to remove" in stitcher("config", "unset", "port").stdout
    assert stitcher("config", "unset", "prot").exit_code == 2


def test_path_follows_the_environment(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert stitcher("config", "path").stdout == f"{stitcher.config}\n"
    monkeypatch.setenv("STITCHER_CONFIG", str(tmp_path / "other.json"))
    assert stitcher("config", "path").stdout == f"{tmp_path / 'other.json'}\n"
    assert stitcher("config", "set", "port", "5").exit_code == 0
    assert json.loads((tmp_path / "other.json").read_text()) == {"port": 5}
