"""Every setting once: name, type, default, environment variable, what it means.

A second place for a default is a bug: flags, `STITCHER_*` variables, the configuration file and
the reference page are all made from `SETTINGS`, which is read off the fields of `Settings`. A
`Settings` value is always usable: whoever makes one gets its values checked and normalised.
Refuses to know where the configuration file is or how it is read.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from stitcher.addresses import Unexpected, host_name, is_loopback, upstream_base
from stitcher.core.compaction import Policy
from stitcher.errors import SettingsError
from stitcher.ports import Mode

Source = Literal["flag", "environment", "file", "default"]
Durability = Literal["fsync", "os"]
Tenancy = Literal["local", "key"]
ResponsesState = Literal["local", "upstream"]
Value = str | int | float | bool | Path | None

ENV_PREFIX: Final = "STITCHER_"
CONFIG_ENV: Final = "STITCHER_CONFIG"

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})


def _shown(raw: object, *, secret: bool) -> str:
    if secret:
        return f"{len(str(raw))} characters (not shown)"
    text = repr(raw)
    if "@" in text and "//" in text:  # a password in an address
        text = re.sub(r"//[^/]*@", "//***@", text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _between(low: float, high: float, expected: str) -> Callable[[Any], Any]:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise Unexpected(expected)
        return value

    return check


def _fraction(value: float) -> float:
    if not 0 < value < 1:
        raise Unexpected("a fraction between 0 and 1, such as 0.5 or 50%")
    return value


def _credential(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise Unexpected("printable ASCII characters without spaces or line breaks")
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    type: type
    default: Value
    doc: str
    flag: str  # as typed on the command line
    choices: tuple[str, ...]
    secret: bool
    optional: bool  # may have no value
    check: Callable[[Any], Any] | None

    @property
    def env(self) -> str:
        """The environment variable."""
        return ENV_PREFIX + self.name.upper()

    @property
    def expected(self) -> str:
        """What a value must look like, in words."""
        if self.choices:
            return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
        words = {int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
        return words.get(self.type, "text")

    def parse(self, raw: object) -> Value:
        """The value meant by `raw`, as text or as JSON has it. Raises ValueError(expected)."""
        if raw is None or (isinstance(raw, str) and not raw.strip() and self.optional):
            if self.optional:
                return None
            raise Unexpected(self.expected)
        value = self._converted(raw)
        if self.choices and value not in self.choices:
            raise Unexpected(self.expected)
        return cast(Value, self.check(value)) if self.check else value

    def _converted(self, raw: object) -> Value:
        if self.type is bool:
            return self._truth(raw)
        if isinstance(raw, bool):
            raise Unexpected(self.expected)
        if self.type in (int, float):
            return self._number(raw)
        if self.type is Path and isinstance(raw, str | Path) and str(raw).strip():
            return Path(raw).expanduser()
        if self.type is str and isinstance(raw, str):
            return raw.strip()
        raise Unexpected(self.expected)

    def _truth(self, raw: object) -> bool:
        word = str(raw).strip().lower() if isinstance(raw, bool | int | str) else ""
        if word not in _TRUE | _FALSE:
            raise Unexpected(self.expected)
        return word in _TRUE

    def _number(self, raw: object) -> int | float:
        try:
            if isinstance(raw, str) and raw.strip().endswith("%") and self.check is _fraction:
                return float(raw.strip()[:-1]) / 100
            if self.type is float and isinstance(raw, int | float | str):
                return float(raw)
            if isinstance(raw, int | str):
                return int(raw)
        except ValueError:
            pass  # the message below says what was expected
        raise Unexpected(self.expected)


def _about(
    doc: str, check: Callable[[Any], Any] | None = None, *, flag: str = "", secret: bool = False
) -> dict[str, Any]:
    return {"doc": doc, "check": check, "flag": flag, "secret": secret}


_port: Final = _between(0, 65_535, "a port between 0 and 65535")
_tokens: Final = _between(1, 10**9, "a number of tokens, 1 or more")
_bytes: Final = _between(1024, 2**40, "a number of bytes, 1024 or more")
_seconds: Final = _between(0.001, 86_400, "a number of seconds above 0, at most 86400 (a day)")

_pings: Final = _between(1, 1_000, "a number of requests between 1 and 1000")
_usd: Final = _between(0, 1e6, "an amount in USD, 0 or more")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked and normalised. The defaults here are the only ones there are."""

    host: str = field(default="127.0.0.1", metadata=_about("Address to listen on.", host_name))
    port: int = field(
        default=8081, metadata=_about("Port to listen on; 0 takes a free one.", _port)
    )
    upstream: str = field(
        default="https://api.openai.com",
        metadata=_about("Base address of the OpenAI API, with or without /v1.", upstream_base),
    )
    upstream_anthropic: str = field(
        default="https://api.anthropic.com",
        metadata=_about("Base address of the Anthropic API, with or without /v1.", upstream_base),
    )
    max_tokens: int = field(
        default=128_000,
        metadata=_about("Token budget inside which left-out messages are put back.", _tokens),
    )
    keep: float = field(
        default=0.5,
        metadata=_about("Part of max-tokens always kept, newest first, at a cut.", _fraction),
    )
    cut: Policy = field(
        default="auto",
        metadata=_about(
            "When left-out history is cut back: auto, by its price; half, when max-tokens is full;"
            " never, only where the model's context window is full."
        ),
    )
    breakpoints: bool = field(
        default=True,
        metadata=_about(
            "Set cache breakpoints where the client set none and they pay.",
            flag="--breakpoints/--no-breakpoints",
        ),
    )
    data_dir: Path = field(
        default=Path("~/.stitcher/sessions"),
        metadata=_about("Directory of the conversations, one folder per session."),
    )
    durability: Durability = field(
        default="fsync",
        metadata=_about("Stored means on the disk (fsync) or with the operating system (os)."),
    )
    mode: Mode = field(
        default="stitch",
        metadata=_about("stitch; observe: store but forward unchanged; off: store nothing."),
    )
    tenancy: Tenancy = field(
        default="local",
        metadata=_about(
            "Whose a session is: one owner's (local) or each API key's own (key). Beyond"
            " loopback with a proxy token the default is key."
        ),
    )
    proxy_token: str | None = field(
        default=None,
        repr=False,
        metadata=_about("Secret a client must show to be served.", _credential, secret=True),
    )
    api_key: str | None = field(
        default=None,
        repr=False,
        metadata=_about("Key for OpenAI requests that carry none.", _credential, secret=True),
    )
    api_key_anthropic: str | None = field(
        default=None,
        repr=False,
        metadata=_about("Key for Anthropic requests that carry none.", _credential, secret=True),
    )
    model: str | None = field(
        default=None, metadata=_about("Model named in the guides of `stitcher integrate`.")
    )
    ask_usage: bool = field(
        default=True,
        metadata=_about(
            "Ask for token usage in OpenAI streams whose client did not.",
            flag="--usage/--no-usage",
        ),
    )
    keep_alive: bool = field(
        default=False,
        metadata=_about(
            "Read what an idle conversation has in the provider's cache again before it expires,"
            " while that is cheaper than to write it anew (Anthropic).",
            flag="--keep-alive/--no-keep-alive",
        ),
    )
    keep_alive_pings: int = field(
        default=12,
        metadata=_about(
            "Most requests that keep-alive sends for a session between two of its own.", _pings
        ),
    )
    keep_alive_usd: float = field(
        default=1.0, metadata=_about("Most that keep-alive spends in a day, in USD.", _usd)
    )
    responses_state: ResponsesState = field(
        default="local",
        metadata=_about(
            "Who keeps the state of the Responses API (previous_response_id, conversations):"
            " local, for any API; or upstream, the API itself."
        ),
    )
    websocket: bool = field(
        default=True,
        metadata=_about(
            "Serve WebSockets, such as Codex opens for the Responses API.",
            flag="--websocket/--no-websocket",
        ),
    )
    max_body: int = field(
        default=268_435_456, metadata=_about("Largest request body read, in bytes.", _bytes)
    )
    connect_timeout: float = field(
        default=10.0, metadata=_about("Seconds to wait for a connection to the API.", _seconds)
    )
    first_byte_timeout: float = field(
        default=600.0, metadata=_about("Seconds to wait for an answer to begin.", _seconds)
    )
    idle_timeout: float = field(
        default=600.0,
        metadata=_about("Seconds an answer may pause before it is broken off.", _seconds),
    )

    def __post_init__(self) -> None:
        for row in SETTINGS.values():
            raw = getattr(self, row.name)
            try:
                object.__setattr__(self, row.name, row.parse(raw))
            except Unexpected as wrong:
                shown = _shown(raw, secret=row.secret)
                message = f"{row.name}: found {shown}, expected {wrong}"
                raise SettingsError(message) from None


def _rows() -> dict[str, Setting]:
    rows = {}
    for each in fields(Settings):
        hint = get_type_hints(Settings)[each.name]
        parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        rows[each.name] = Setting(
            name=each.name,
            type=str if choices else parts[0],
            default=cast(Value, each.default),
            doc=each.metadata["doc"],
            flag=each.metadata["flag"] or "--" + each.name.replace("_", "-"),
            choices=choices,
            secret=each.metadata["secret"],
            optional=type(None) in parts,
            check=each.metadata["check"],
        )
    return rows


SETTINGS: Final[Mapping[str, Setting]] = _rows()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, where each came from, and what was given but means nothing."""

    settings: Settings
    sources: Mapping[str, Source]
    warnings: tuple[str, ...] = ()


def resolve(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    file: Mapping[str, object],
    *,
    file_name: str = "the configuration file",
) -> Resolved:
    """Flag before environment before file before default; None and empty variables say nothing.

    Raises SettingsError naming the place of the bad value, what was found and what is expected.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for name, row in SETTINGS.items():
        given: tuple[tuple[Source, str, object], ...] = (
            ("flag", row.flag, flags.get(name)),
            ("environment", row.env, environ.get(row.env, "").strip() or None),
            ("file", f'"{name}" in {file_name}', file.get(name)),
        )
        source, place, raw = next(
            (one for one in given if one[2] is not None), ("default", name, row.default)
        )
        values[name] = parsed(row, raw, place)
        sources[name] = source
    if sources["tenancy"] == "default" and values["proxy_token"]:
        # Beyond loopback a token may be shared by people who are not to read each other's memory.
        values["tenancy"] = "local" if is_loopback(values["host"]) else "key"
    return Resolved(Settings(**values), sources, _unknown(environ, file, file_name))


def parsed(row: Setting, raw: object, place: str) -> Value:
    """The value meant by `raw`; a SettingsError names `place`."""
    try:
        return row.parse(raw)
    except Unexpected as wrong:
        shown = _shown(raw, secret=row.secret)
        raise SettingsError(f"{place}: found {shown}, expected {wrong}") from None


def _unknown(
    environ: Mapping[str, str], file: Mapping[str, object], file_name: str
) -> tuple[str, ...]:
    variables = {row.env for row in SETTINGS.values()}
    warnings = [
        f"{name} is not a setting and is ignored{_meant(name, variables)}"
        for name in sorted(environ)
        if name.startswith(ENV_PREFIX) and name not in variables and name != CONFIG_ENV
    ]
    warnings += [
        f'"{name}" in {file_name} is not a setting and is ignored{_meant(name, SETTINGS)}'
        for name in sorted(file)
        if name not in SETTINGS
    ]
    return tuple(warnings)


def _meant(name: str, known: Mapping[str, object] | set[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def check_exposure(settings: Settings) -> None:
    """Refuses to let strangers on the network use the keys and read the memory of this machine."""
    if is_loopback(settings.host) or settings.proxy_token or settings.tenancy == "key":
        return
    raise SettingsError(
        f"host: found {settings.host}, which other machines can reach, without a proxy token and"
        " without per-key tenancy. Set one of them (--proxy-token SECRET, or --tenancy key), or"
        " listen on 127.0.0.1"
    )
