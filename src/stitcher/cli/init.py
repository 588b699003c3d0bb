"""`stitcher init`: a few questions, each of them also a flag; writes the configuration file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import typer

from stitcher.cli import config_file
from stitcher.cli.config import HIDDEN
from stitcher.cli.console import heading, is_interactive, note, say
from stitcher.cli.options import Flags, setting_flags
from stitcher.errors import SettingsError
from stitcher.settings import SETTINGS, Setting, parsed

ProviderName = Literal["openai", "anthropic", "both", "local", "openrouter", "compatible"]


@dataclass(frozen=True, slots=True)
class Provider:
    """What a choice of provider means for the settings."""

    label: str
    upstream: str = ""  # suggested, or fixed where it is not asked for
    asks_upstream: bool = False
    keys: tuple[str, ...] = ("api_key",)
    local: bool = False


PROVIDERS: Final[Mapping[str, Provider]] = {
    "openai": Provider("OpenAI"),
    "anthropic": Provider("Anthropic", keys=("api_key_anthropic",)),
    "both": Provider("OpenAI and Anthropic", keys=("api_key", "api_key_anthropic")),
    "local": Provider(
        "A local server (Ollama, llama.cpp, vLLM)",
        upstream="http://127.0.0.1:11434",
        asks_upstream=True,
        local=True,
    ),
    "openrouter": Provider("OpenRouter", upstream="https://openrouter.ai/api"),
    "compatible": Provider("Another OpenAI-compatible API", asks_upstream=True),
}

QUESTIONS: Final = (
    "upstream",
    "upstream_anthropic",
    "api_key",
    "api_key_anthropic",
    "model",
    "max_tokens",
    "port",
)
_AS_BEFORE: Final = Provider("the one there is")
_UPSTREAMS: Final = ("upstream", "upstream_anthropic")
_ADDRESS: Final = "Address of the API (Ollama http://127.0.0.1:11434, llama.cpp :8080, vLLM :8000):"


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks where somebody answers; else takes the default and remembers that it did."""

    given: dict[str, str | None]
    defaults: Mapping[str, Any]  # from the file there is, else from the settings table
    asks: bool
    assumed: list[str]

    def answer(self, name: str, question: str, *, suggestion: object = None) -> object:
        """A checked value for the setting of that name."""
        row = SETTINGS[name]
        if (flag := self.given.get(name)) is not None:
            return parsed(row, flag, row.flag)
        default = suggestion if suggestion is not None else self.defaults.get(name, row.default)
        if not self.asks:
            self.assumed.append(f"{row.flag} {_shown(row, default)}")
            return parsed(row, default, row.name)
        return _asked(row, question, default)

    def provider(self, chosen: str | None) -> Provider:
        """The provider meant, asked for where nothing says which."""
        if chosen is None and self.asks:
            chosen = _selected()
        if chosen is None and self.given.get("upstream"):
            chosen = "compatible"
        if chosen is None and any(name in self.defaults for name in _UPSTREAMS):
            return _AS_BEFORE
        if chosen is None:
            chosen = "openai"
            self.assumed.append(f"--provider {chosen}")
        return PROVIDERS[chosen]


def _shown(row: Setting, value: object) -> str:
    if value is None:
        return "none"
    return HIDDEN if row.secret else str(value)


def _selected() -> str:
    import questionary

    choices = [questionary.Choice(one.label, value=name) for name, one in PROVIDERS.items()]
    answer = questionary.select("Which provider do you use?", choices=choices).ask()
    return str(_unless_stopped(answer))


def _asked(row: Setting, question: str, default: object) -> object:
    import questionary

    def check(text: str) -> bool | str:
        if row.secret and not text:
            return True
        try:
            parsed(row, text, row.name)
        except SettingsError as error:
            return str(error)
        return True

    if row.secret:
        text = _unless_stopped(questionary.password(question, validate=check).ask())
        return parsed(row, text or default, row.name)
    start = "" if default is None else str(default)
    text = _unless_stopped(questionary.text(question, default=start, validate=check).ask())
    return parsed(row, text, row.name)


def _unless_stopped(answer: Any) -> Any:
    if answer is None:
        note("Nothing was written.")
        raise typer.Abort
    return answer


@setting_flags(*QUESTIONS)
def init(
    provider: Annotated[
        ProviderName | None,
        typer.Option(help=f"Whose API the requests go to: {', '.join(PROVIDERS)}.", metavar="NAME"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, use defaults.")] = False,
    *,
    flags: Flags,
) -> None:
    """Set Stitcher up: provider, key, model, budget, port.

    Every question is also a flag, so that it runs unattended.
    """
    path = config_file.location(os.environ)
    file = config_file.read(path)
    given = {name: None if value is None else str(value) for name, value in flags.items()}
    interview = Interview(given, file, asks=is_interactive() and not yes, assumed=[])
    if interview.asks:
        heading("Stitcher setup")
        say(f"Writes {path}. Enter takes what is suggested.")
    answers = _interviewed(interview, provider)
    kept = {name: value for name, value in file.items() if name not in answers}
    config_file.write(path, kept | {k: v for k, v in answers.items() if v is not None})
    _conclude(interview, answers, str(path))


def _interviewed(interview: Interview, chosen: str | None) -> dict[str, Any]:
    provider = interview.provider(chosen)
    given = interview.given
    if provider.keys == ("api_key_anthropic",) and given["api_key_anthropic"] is None:
        given["api_key_anthropic"], given["api_key"] = given["api_key"], None
    answers = _upstreams(interview, provider)
    for name in provider.keys:
        whose = "" if len(provider.keys) == 1 else "OpenAI "
        whose = "Anthropic " if name == "api_key_anthropic" else whose
        empty = "the one saved stays" if interview.defaults.get(name) else "clients send their own"
        answers[name] = interview.answer(name, f"{whose}API key (empty: {empty}):")
    for name in ("api_key", "api_key_anthropic"):
        if name not in answers and given[name] is not None:
            answers[name] = interview.answer(name, "")
    answers["model"] = interview.answer("model", "Model for the guides (may be empty):")
    answers["max_tokens"] = interview.answer("max_tokens", "Token budget of a request:")
    answers["port"] = interview.answer("port", "Port to listen on:")
    return answers


def _upstreams(interview: Interview, provider: Provider) -> dict[str, Any]:
    given = {
        name: interview.answer(name, "") for name in _UPSTREAMS if interview.given[name] is not None
    }
    if provider is _AS_BEFORE:
        return given
    found: dict[str, Any] = {}
    if provider.asks_upstream and "upstream" not in given:
        if not provider.upstream and not interview.asks:
            raise SettingsError("--provider compatible: found no address, expected --upstream URL")
        suggestion = provider.upstream or "https://"
        found["upstream"] = interview.answer("upstream", _ADDRESS, suggestion=suggestion)
    elif "api_key" in provider.keys:
        found["upstream"] = provider.upstream or SETTINGS["upstream"].default
    if "api_key_anthropic" in provider.keys:
        found["upstream_anthropic"] = SETTINGS["upstream_anthropic"].default
    found |= given
    before = [interview.defaults.get(name) for name in _UPSTREAMS]
    if provider.local:  # local means that nothing leaves this machine, whatever a client speaks
        found.setdefault("upstream_anthropic", found["upstream"])
    elif before[0] is not None and before[0] == before[1]:  # it was a local server for both
        for name in _UPSTREAMS:
            found.setdefault(name, SETTINGS[name].default)
    return found


def _conclude(interview: Interview, answers: Mapping[str, Any], path: str) -> None:
    if interview.assumed:
        why = "--yes" if is_interactive() else "no terminal to ask on"
        say(f"Not asked ({why}), taken as they are: {', '.join(interview.assumed)}")
    heading(f"Wrote {path}, readable by you only.")
    for name, value in answers.items():
        if value is not None:
            say(f"  {name:<18} {_shown(SETTINGS[name], value)}")
    for name in answers:
        if os.environ.get(SETTINGS[name].env, "").strip():
            note(f"stitcher: note: {SETTINGS[name].env} is set and has priority over the file")
    say("Start it:            stitcher start")
    say("Then point a client: stitcher integrate")
