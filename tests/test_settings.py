"""Where a setting comes from, what it may be, and what is refused."""

from dataclasses import MISSING, fields
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.addresses import is_loopback, upstream_base, url_of
from stitcher.errors import SettingsError
from stitcher.settings import (
    SETTINGS,
    Settings,
    check_exposure,
    resolve,
)

# Two values for each setting: as text and as the setting has it.
VALUES: dict[str, tuple[tuple[str, Any], tuple[str, Any], tuple[str, Any]]] = {
    "host": (("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("[::1]", "::1")),
    "port": (("1", 1), ("2", 2), ("0", 0)),
    "upstream": (
        ("http://a/v1", "http://a"),
        ("https://b/x/", "https://b/x"),
        ("http://c:1", "http://c:1"),
    ),
    "upstream_anthropic": (
        ("http://a", "http://a"),
        ("http://b", "http://b"),
        ("http://c", "http://c"),
    ),
    "max_tokens": (("1000", 1000), ("200_000", 200000), ("3", 3)),
    "keep": (("0.25", 0.25), ("30%", 0.3), ("0.9", 0.9)),
    "cut": (("half", "half"), ("never", "never"), (" auto", "auto")),
    "breakpoints": (("no", False), ("true", True), ("OFF", False)),
    "data_dir": (("/a", Path("/a")), ("/b", Path("/b")), ("c", Path("c"))),
    "durability": (("os", "os"), ("fsync", "fsync"), (" os ", "os")),
    "mode": (("observe", "observe"), ("off", "off"), ("stitch", "stitch")),
    "tenancy": (("key", "key"), ("local", "local"), ("key", "key")),
    "proxy_token": (("t1", "t1"), ("t2", "t2"), ("t3", "t3")),
    "api_key": (("k1", "k1"), ("k2", "k2"), ("k3", "k3")),
    "api_key_anthropic": (("k1", "k1"), ("k2", "k2"), ("k3", "k3")),
    "model": (("m1", "m1"), ("m2", "m2"), ("m3", "m3")),
    "ask_usage": (("no", False), ("true", True), ("OFF", False)),
    "keep_alive": (("yes", True), ("false", False), ("ON", True)),
    "keep_alive_pings": (("1", 1), ("24", 24), ("1000", 1000)),
    "keep_alive_usd": (("0", 0.0), ("0.25", 0.25), ("30", 30.0)),
    "responses_state": (("upstream", "upstream"), ("local", "local"), ("local", "local")),
    "websocket": (("no", False), ("true", True), ("OFF", False)),
    "max_body": (("2048", 2048), ("4096", 4096), ("1024", 1024)),
    "connect_timeout": (("1", 1.0), ("2.5", 2.5), ("3", 3.0)),
    "first_byte_timeout": (("1", 1.0), ("2.5", 2.5), ("3", 3.0)),
    "idle_timeout": (("1", 1.0), ("2.5", 2.5), ("3", 3.0)),
}


def test_every_setting_is_in_the_table_once() -> None:
    assert list(SETTINGS) == [each.name for each in fields(Settings)] == list(VALUES)
    assert len({row.flag for row in SETTINGS.values()}) == len(SETTINGS)
    for each in fields(Settings):
        assert each.default is not MISSING
        assert SETTINGS[each.name].default == each.default
        assert SETTINGS[each.name].env == f"STITCHER_{each.name.upper()}"
        assert SETTINGS[each.name].doc.endswith(".")


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8081)
    assert settings.upstream == "https://api.openai.com"
    assert settings.upstream_anthropic == "https://api.anthropic.com"
    assert settings.max_tokens == 128_000
    assert settings.keep == 0.5
    assert settings.data_dir == Path.home() / ".stitcher" / "sessions"
    assert (settings.durability, settings.mode, settings.tenancy) == ("fsync", "stitch", "local")
    assert settings.proxy_token is settings.api_key is settings.api_key_anthropic is None
    assert settings.ask_usage is True
    assert (settings.responses_state, settings.websocket) == ("local", True)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("given", list(product([False, True], repeat=3)))
def test_a_flag_goes_before_the_environment_before_the_file(
    name: str, given: tuple[bool, bool, bool]
) -> None:
    flag, environment, file = given
    texts, meant = zip(*VALUES[name], strict=True)
    resolved = resolve(
        {name: texts[0] if flag else None},
        {SETTINGS[name].env: texts[1]} if environment else {},
        {name: texts[2]} if file else {},
    )
    source, expected = next(
        (
            (source, value)
            for present, source, value in zip(
                given, ("flag", "environment", "file"), meant, strict=True
            )
            if present
        ),
        ("default", getattr(Settings(), name)),
    )
    assert getattr(resolved.settings, name) == expected
    assert resolved.sources[name] == source
    others = {key: value for key, value in resolved.sources.items() if key != name}
    assert set(others.values()) == {"default"}


def test_an_empty_variable_and_a_null_in_the_file_say_nothing() -> None:
    resolved = resolve({}, {"STITCHER_PORT": "  "}, {"port": None, "api_key": None})
    assert resolved.settings.port == 8081
    assert resolved.sources["port"] == "default"


def test_an_empty_flag_takes_a_key_away() -> None:
    resolved = resolve({"api_key": ""}, {}, {"api_key": "sk-1"})
    assert resolved.settings.api_key is None
    assert resolved.sources["api_key"] == "flag"


def test_the_file_may_have_json_types() -> None:
    resolved = resolve({}, {}, {"port": 9000, "keep": 0.4, "ask_usage": False, "idle_timeout": 5})
    settings = resolved.settings
    assert (settings.port, settings.keep, settings.ask_usage) == (9000, 0.4, False)
    assert settings.idle_timeout == 5.0


@pytest.mark.parametrize(
    ("flags", "environ", "file", "message"),
    [
        ({"port": "x"}, {}, {}, "--port: found 'x', expected a whole number"),
        (
            {},
            {"STITCHER_PORT": "99999"},
            {},
            "STITCHER_PORT: found '99999', expected a port between 0 and 65535",
        ),
        ({}, {}, {"port": 8.5}, '"port" in c.json: found 8.5, expected a whole number'),
        ({}, {}, {"port": True}, '"port" in c.json: found True, expected a whole number'),
        ({}, {}, {"port": [1]}, '"port" in c.json: found [1], expected a whole number'),
        ({"keep": "50"}, {}, {}, "--keep: found '50', expected a fraction between 0 and 1"),
        ({"keep": "nan"}, {}, {}, "--keep: found 'nan', expected a fraction between 0 and 1"),
        ({"mode": "on"}, {}, {}, "--mode: found 'on', expected stitch, observe or off"),
        ({"tenancy": "K"}, {}, {}, "--tenancy: found 'K', expected local or key"),
        ({"max_tokens": "0"}, {}, {}, "--max-tokens: found '0', expected a number of tokens"),
        ({"host": "http://x"}, {}, {}, "--host: found 'http://x', expected an address or host"),
        ({"host": "1.2.3.4:80"}, {}, {}, "expected an address without a port"),
        ({"data_dir": ""}, {}, {}, "--data-dir: found '', expected a path"),
        ({"idle_timeout": "0"}, {}, {}, "--idle-timeout: found '0', expected a number of seconds"),
        ({}, {"STITCHER_ASK_USAGE": "maybe"}, {}, "STITCHER_ASK_USAGE: found 'maybe', expected"),
        ({"upstream": "api.x.com"}, {}, {}, "(did you mean http://api.x.com?)"),
        ({"upstream": "ftp://x"}, {}, {}, "expected an http:// or https:// address"),
        ({"upstream": "http://x/v1/chat/completions"}, {}, {}, "not one of its endpoints"),
        ({"upstream": "http://x/v1?a=1"}, {}, {}, "without a query or fragment"),
        ({"upstream": "http://x:port"}, {}, {}, "expected an http:// or https:// address"),
        ({"upstream": "http://"}, {}, {}, "expected an http:// or https:// address"),
    ],
)
def test_a_bad_value_is_named_with_its_place(
    flags: dict[str, object], environ: dict[str, str], file: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve(flags, environ, file, file_name="c.json")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", [name for name, row in SETTINGS.items() if row.secret])
def test_a_secret_is_in_no_message_and_no_repr(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve({}, {}, {name: "sk-hidden\r\nX: y"})
    assert "hidden" not in str(caught.value)
    hidden: dict[str, Any] = {name: "sk-hidden"}
    assert "hidden" not in repr(Settings(**hidden))
    assert "hidden" not in repr(resolve({name: "sk-hidden"}, {}, {}))


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="without a user name or password") as caught:
        resolve({"upstream": "https://me:hidden@host/v1"}, {}, {})
    assert "hidden" not in str(caught.value)


def test_settings_made_in_code_are_checked_too() -> None:
    assert Settings(upstream="http://127.0.0.1:1/v1/").upstream == "http://127.0.0.1:1"
    with pytest.raises(SettingsError, match="port: found 70000"):
        Settings(port=70000)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://api.openai.com", "https://api.openai.com"),
        ("https://api.openai.com/", "https://api.openai.com"),
        ("https://api.openai.com/v1", "https://api.openai.com"),
        ("https://api.openai.com/v1/", "https://api.openai.com"),
        ("https://api.openai.com/v1/v1", "https://api.openai.com"),
        (" http://127.0.0.1:11434/v1 ", "http://127.0.0.1:11434"),
        ("https://host/openai", "https://host/openai"),
        ("https://host/openai/v1/", "https://host/openai"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api"),
        ("https://host/v1/gateway", "https://host/v1/gateway"),
        ("https://host/v12", "https://host/v12"),
        ("http://[::1]:8080/v1", "http://[::1]:8080"),
        ("HTTPS://Host/v1", "https://Host"),
    ],
)
def test_an_upstream_is_taken_with_and_without_v1(given: str, base: str) -> None:
    assert upstream_base(given) == base
    assert upstream_base(base) == base


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        base = Settings(upstream=text).upstream
    except SettingsError:
        return
    assert base.startswith(("http://", "https://"))
    assert not base.endswith("/")


def test_what_means_nothing_is_warned_about_with_a_suggestion() -> None:
    environ = {"STITCHER_PROT": "1", "STITCHER_CONFIG": "/x", "PATH": "/bin"}
    resolved = resolve({}, environ, {"prot": 1, "colour": "red"}, file_name="c.json")
    assert resolved.warnings == (
        "STITCHER_PROT is not a setting and is ignored (did you mean STITCHER_PORT?)",
        '"colour" in c.json is not a setting and is ignored',
        '"prot" in c.json is not a setting and is ignored (did you mean port?)',
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("my-machine", False),
        ("localhost.example.com", False),
    ],
)
def test_only_loopback_needs_no_token(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    if loopback:
        check_exposure(Settings(host=host))
        return
    with pytest.raises(SettingsError, match=r"--proxy-token SECRET.*--tenancy key"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, proxy_token="t"))
    check_exposure(Settings(host=host, tenancy="key"))


def test_beyond_loopback_a_token_alone_keeps_keys_apart() -> None:
    flags = {"host": "0.0.0.0", "proxy_token": "t"}
    assert resolve(flags, {}, {}).settings.tenancy == "key"
    assert resolve({**flags, "tenancy": "local"}, {}, {}).settings.tenancy == "local"
    assert resolve({**flags, "host": "127.0.0.1"}, {}, {}).settings.tenancy == "local"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("box", "http://box:1"),
    ],
)
def test_the_address_for_clients_on_this_machine(host: str, url: str) -> None:
    assert url_of(host, 1) == url
