"""`stitcher demo`: the main job, shown with the official SDKs against the simulated provider.

What it prints it has checked: a wrong answer ends it with an error. Refuses to know how the proxy
does it: the proxy is another process, started the way a user starts it.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from stitcher.cli.console import Column, heading, say, table, width
from stitcher.errors import StitcherError
from stitcher.settings import CONFIG_ENV, ENV_PREFIX

if TYPE_CHECKING:
    from stitcher.simulator.serve import SimulatorThread

LISTENING: Final = "Stitcher is listening on "
_SECONDS: Final = 20.0

SYSTEM: Final = (
    "You help with a field guide to the birds of the Baltic coast. Answer in short sentences and in"
    " the order of the questions. Give lengths in centimetres and weights in grams, and say how"
    " sure you are. Use the English name of a species first and the Latin name after it, in"
    " brackets. Where two species are easily taken for one another, name both and the mark that"
    " tells them apart. Do not invent sightings: what was seen, where and when, comes from the"
    " notes of the conversation. When asked what was said before, quote it word for word."
)
BEFORE: Final = (
    "I saw an avocet near Zingst on the third of May.",
    "It waded in shallow water and swept its bill from side to side, for about ten minutes.",
    "Later a second one came, and both flew off towards the island of Kirr.",
)
QUESTION: Final = "What did I say first?"


class DemoFailed(StitcherError):
    """The demo saw something other than what it was to show."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a client knows of one request."""

    sent: int  # messages, the system prompt not counted
    restored: str
    stored: str
    answer: str
    tokens: int  # input tokens as the provider counts them, cached ones included
    cached: int


class Client(Protocol):
    """A client that holds no history: it sends one message and forgets it."""

    name: str
    session: str

    def send(self, text: str, *, system: str | None) -> Turn:
        """Sends one user message."""
        ...


class OpenAIClient:
    """The official OpenAI SDK."""

    name = "openai"
    session = "demo-openai"

    def __init__(self, url: str) -> None:
        import openai

        self._chat = openai.OpenAI(
            base_url=f"{url}/v1",
            api_key="sk-demo",
            max_retries=0,
            default_headers={"X-Stitcher-Session": self.session},
        ).chat.completions

    def send(self, text: str, *, system: str | None) -> Turn:
        """Sends one user message, and the system prompt if there is one."""
        head: list[Any] = [{"role": "system", "content": system}] if system else []
        messages: list[Any] = [{"role": "user", "content": text}]
        raw = self._chat.with_raw_response.create(
            model="sim-small",
            messages=[*head, *messages],
        )
        answer = raw.parse()
        usage = answer.usage
        details = usage.prompt_tokens_details if usage else None
        return _turn(
            len(messages),
            raw.headers,
            answer.choices[0].message.content or "",
            usage.prompt_tokens if usage else 0,
            (details.cached_tokens or 0) if details else 0,
        )


class AnthropicClient:
    """The official Anthropic SDK."""

    name = "anthropic"
    session = "demo-anthropic"

    def __init__(self, url: str) -> None:
        import anthropic

        self._messages = anthropic.Anthropic(
            base_url=url,
            api_key="sk-demo",
            max_retries=0,
            default_headers={"X-Stitcher-Session": self.session},
        ).messages
        self._absent = anthropic.omit

    def send(self, text: str, *, system: str | None) -> Turn:
        """Sends one user message, and the system prompt if there is one."""
        messages: list[Any] = [{"role": "user", "content": text}]
        raw = self._messages.with_raw_response.create(
            model="claude-sim",
            max_tokens=200,
            system=system or self._absent,
            messages=messages,
        )
        answer = raw.parse()
        usage = answer.usage
        cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        spoken = "".join(block.text for block in answer.content if block.type == "text")
        return _turn(
            len(messages), raw.headers, spoken, usage.input_tokens + cached + written, cached
        )


def _turn(sent: int, headers: Mapping[str, str], answer: str, tokens: int, cached: int) -> Turn:
    return Turn(
        sent=sent,
        restored=headers.get("x-stitcher-restored", "?"),
        stored=headers.get("x-stitcher-stored", "?"),
        answer=answer,
        tokens=tokens,
        cached=cached,
    )


class Proxy:
    """`stitcher start` as a process of its own, on a data directory of its own."""

    def __init__(self, upstream: str, folder: Path) -> None:
        self._upstream = upstream
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Starts it, on the port it had before, and waits until it listens."""
        self.launch()
        self.wait_until_listening()

    def launch(self) -> None:
        """Starts it, and does not wait."""
        flags = {
            "--port": str(urlsplit(self.url).port) if self.url else "0",
            "--upstream": self._upstream,
            "--upstream-anthropic": self._upstream,
            "--data-dir": str(self._folder / "sessions"),
        }
        command = [sys.executable, "-m", "stitcher.cli.app", "start"]
        command += [part for flag in flags.items() for part in flag]
        with (self._folder / "errors").open("w") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=_own_environment(self._folder),
            )

    def wait_until_listening(self) -> None:
        """Returns when it has said where it listens. Raises DemoFailed when it does not."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        guard = threading.Timer(_SECONDS, process.kill)
        guard.start()
        try:
            line = process.stdout.readline()
        finally:
            guard.cancel()
        if not line.startswith(LISTENING):
            self.stop()
            reason = (self._folder / "errors").read_text(encoding="utf-8").strip()
            raise DemoFailed(f"the proxy did not start: {reason or 'it said nothing'}")
        self.url = line.removeprefix(LISTENING).strip()

    def stop(self) -> None:
        """Stops it the way a service manager would."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _own_environment(folder: Path) -> dict[str, str]:
    """The environment without the user's settings: the demo is the same for everybody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return kept | {CONFIG_ENV: str(folder / "config.json")}


def demo() -> None:
    """Show the main job, without a key or network.

    A conversation is sent one message at a time, across a restart of the proxy.
    """
    # A proxy of the environment (http_proxy) must not carry what goes to this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    with tempfile.TemporaryDirectory(prefix="stitcher-demo-") as name, _simulator() as simulator:
        proxy = Proxy(simulator.url, Path(name))
        try:
            rows = _play(simulator, proxy)
        finally:
            proxy.stop()
    _conclude(rows)


@contextlib.contextmanager
def _simulator() -> Iterator["SimulatorThread"]:
    from stitcher.simulator.serve import SimulatorThread

    with SimulatorThread() as simulator:
        yield simulator


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the client's side and the provider's side of one request."""

    client: str
    said: str
    turn: Turn
    messages: int  # in the request as the provider got it

    def cells(self) -> list[str]:
        """The row as it is shown."""
        return [
            self.client,
            _short(self.said, 16),
            str(self.turn.sent),
            self.turn.stored,
            self.turn.restored,
            str(self.messages),
            str(self.turn.tokens),
            str(self.turn.cached),
            _short(self.turn.answer, 30),
        ]


COLUMNS: Final = (
    Column("client"),
    Column("says"),
    Column("sent", right=True),
    Column("stored", right=True),
    Column("restored", right=True),
    Column("upstream", right=True),
    Column("tokens", right=True),
    Column("cached", right=True),
    Column("answer"),
)


_LEGEND: Final = """\
sent: messages in the client's request; stored: in the log; restored: put back;
upstream: messages the provider got, with their tokens; cached: tokens not read anew."""


def _play(simulator: "SimulatorThread", proxy: Proxy) -> list[Row]:
    heading("Two clients, the official SDKs, each sending one message at a time")
    proxy.launch()
    _load_sdks()  # which takes as long as the proxy takes to start
    proxy.wait_until_listening()
    clients: list[Client] = [OpenAIClient(proxy.url), AnthropicClient(proxy.url)]
    say(f"  provider  {simulator.url} (simulated: no key, no network)")
    say(f"  proxy     {proxy.url}")
    before = [
        _exchange(client, simulator, text, system=None if at else SYSTEM)
        for at, text in enumerate(BEFORE)
        for client in clients
    ]
    _print(before)
    say(_LEGEND)
    say()
    proxy.stop()
    heading("The proxy was stopped. It is started again and asked about the beginning.")
    proxy.start()
    after = [_exchange(client, simulator, QUESTION, system=None) for client in clients]
    _print(after)
    for row in after:
        say(f"{row.client} answered: {row.turn.answer}")
    say()
    _check(before, after)
    return [*before, *after]


def _print(rows: Sequence[Row]) -> None:
    # What does not fit a narrow terminal is the shortened answer.
    columns = COLUMNS if width() >= 112 else COLUMNS[:-1]
    table(columns, [row.cells()[: len(columns)] for row in rows])


def _load_sdks() -> None:
    try:
        import anthropic  # noqa: F401
        import openai  # noqa: F401
    except ImportError as error:
        raise DemoFailed(
            f"the demo needs the package {error.name}: run it as `make demo` in a checkout, or"
            " first: pip install openai anthropic"
        ) from None


def _exchange(
    client: Client, simulator: "SimulatorThread", text: str, *, system: str | None
) -> Row:
    simulator.clear()
    try:
        turn = client.send(text, system=system)
    except Exception as error:  # noqa: BLE001 - the SDKs share no class of errors
        raise DemoFailed(f"{client.name}: the request failed: {error}") from None
    received = [one for one in simulator.requests if one.method == "POST"]
    if len(received) != 1:
        raise DemoFailed(f"{client.name}: the provider got {len(received)} requests, expected 1")
    messages = json.loads(received[0].decoded)["messages"]
    spoken = [message for message in messages if message["role"] != "system"]
    return Row(client.name, text, turn, len(spoken))


def _check(before: Sequence[Row], after: Sequence[Row]) -> None:
    for row in after:
        if BEFORE[0] not in row.turn.answer:
            raise DemoFailed(
                f"{row.client}: asked {QUESTION!r} it answered {row.turn.answer!r}, expected"
                f" {BEFORE[0]!r} in it"
            )
        expected = 2 * len(BEFORE) + 1
        if row.messages != expected:
            raise DemoFailed(
                f"{row.client}: the provider got {row.messages} messages, expected {expected}"
            )
    # A first request goes through as it came, so with Anthropic, which caches only what is marked,
    # the second one is the first to be written to the cache and the third the first to be read.
    for row in [*before[4:], *after]:
        if row.turn.cached <= 0:
            raise DemoFailed(f"{row.client}: nothing was cached for {row.said!r}")


def _conclude(rows: Sequence[Row]) -> None:
    tokens = sum(row.turn.tokens for row in rows)
    cached = sum(row.turn.cached for row in rows)
    heading(
        "Each request carried one message. The provider got the whole conversation, also after the"
        f" restart, and {cached / tokens:.0%} of the {tokens:,} input tokens came from its cache."
    )
    command = _command()
    say(f"Now with your own: {command} init, then {command} start.")
    say(f"Point a client at it (Claude Code, SDKs and others): {command} integrate")


def _command() -> str:
    """How this user calls the command: in a checkout it is not on the path."""
    called = sys.argv[0]
    if not Path(called).name.startswith("stitcher") or shutil.which("stitcher") == called:
        return "stitcher"
    return called


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
