"""The whole under test: a client's wiretap, the proxy as a process of its own, the simulator.

    client -> Wiretap -> ProxyProcess -> SimulatorThread

Starts and stops the parts and reads what they left behind. Knows no client.
"""

import json
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from stitcher.simulator.recorder import Received
from stitcher.simulator.serve import SimulatorThread
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import RESERVED
from stitcher.verify import verify
from tests.end_to_end.proxy_process import ProxyProcess
from tests.end_to_end.wiretap import WEBSOCKET, Exchange, Wiretap

DIALECT_PATHS = ("/chat/completions", "/messages", "/messages/count_tokens", "/responses")


class Stack:
    """`options` are those of `stitcher start`, beside its addresses and its data directory;
    `simulator` are those of SimulatorThread.
    """

    def __init__(self, folder: Path, *options: str, **simulator: Any) -> None:
        self._expected_refusal = ""
        with ExitStack() as parts:
            self.simulator = parts.enter_context(SimulatorThread(**simulator))
            self._proxy = ProxyProcess(folder, self.simulator.url, *options)
            self._proxy.start()
            parts.callback(self._proxy.terminate)
            self._wiretap = Wiretap(self._proxy.port)
            parts.callback(self._wiretap.close)
            self._parts = parts.pop_all()
        self.url = f"http://127.0.0.1:{self._wiretap.port}"  # what a client takes for a provider's

    def close(self) -> None:
        self._parts.close()

    @property
    def sent(self) -> list[Exchange]:
        """The client's requests to the dialect endpoints and its WebSocket messages, as sent."""
        return [sent for sent in self._wiretap.exchanges if _is_dialect(sent.method, sent.path)]

    @property
    def answered(self) -> list[tuple[str, int | None]]:
        """The method of everything that the client sent, and the status it got."""
        return [(sent.method, sent.status) for sent in self._wiretap.exchanges]

    def wait_for_answer(self, text: bytes) -> None:
        """Returns once the client has been sent that text."""
        self._wiretap.wait_for_answer(text)

    @property
    def received(self) -> list[Received]:
        """What reached the simulator on the dialect endpoints, WebSocket messages among it."""
        return [
            received
            for received in self.simulator.requests
            if _is_dialect(received.method, received.path)
        ]

    @property
    def bodies(self) -> list[Any]:
        """The JSON of `received`."""
        return [json.loads(received.decoded) for received in self.received]

    def sessions(self) -> list[str]:
        """The names of all sessions; the proxy's own logs are none."""
        names = [
            urllib.parse.unquote(path.parent.name)
            for path in self._proxy.data_dir.rglob("active.jsonl")
        ]
        return sorted(name for name in names if not name.startswith(RESERVED))

    def log(self, session: str) -> list[dict[str, Any]]:
        """The lines of a session's files, oldest first."""
        folder = self._session_folder(session)
        rolled = sorted(
            folder.glob("active.*.jsonl"), key=lambda path: int(path.name.split(".")[1])
        )
        return [
            json.loads(line)
            for path in [*rolled, folder / "active.jsonl"]
            for line in path.read_bytes().splitlines()
        ]

    def messages(self, session: str, thread: str | None = None) -> list[dict[str, Any]]:
        """What a session's log holds, of one thread or of all, in the order it was appended.

        A thread that begins with another's messages names them instead of holding them again.
        """
        lines = [line for line in self.log(session) if line["type"] == "message"]
        written = {line["chain"]: line["message"] for line in lines if "message" in line}
        return [
            line["message"] if "message" in line else written[line["same_as"]]
            for line in lines
            if thread in (None, line.get("thread", "main"))
        ]

    def threads(self, session: str) -> set[str]:
        return {line.get("thread", "main") for line in self.log(session)}

    def logs(self) -> list[list[dict[str, Any]]]:
        """The messages of every session."""
        return [self.messages(session) for session in self.sessions()]

    def verify(self) -> None:
        """`stitcher verify` re-derives every identity in the log; it must find nothing."""
        self._proxy.command("verify")

    def restart(self) -> None:
        """Stops the proxy with SIGTERM and starts it again on the same port."""
        self._proxy.terminate()
        self._proxy.start()

    def kill(self) -> None:
        """Ends the proxy with SIGKILL and starts it again on the same port."""
        self._proxy.kill()
        self._proxy.start()

    def errors(self) -> str:
        """What the proxy wrote to its standard error."""
        return self._proxy.errors()

    def expect_refusal(self, reason: str) -> None:
        """Declares that a request of this test is meant to be answered 4xx by the simulator."""
        assert reason, "say why the simulator refuses a request in this test"
        self._expected_refusal = reason

    def check(self) -> None:
        """What holds after every test: all requests were legal, the proxy and its log are sound."""
        refused = [
            f"{received.method} {received.path}: {received.status} {received.decoded[:2000]!r}"
            for received in self.received
            if received.status is not None and 400 <= received.status < 500
        ]
        assert self._expected_refusal or not refused, "refused upstream:\n" + "\n".join(refused)
        assert "Traceback" not in self.errors(), self.errors()
        problems = [
            f"{problem.place}: {problem.found}"
            for store in [JsonlStore(self._proxy.data_dir, read_only=True)]
            for session in store.sessions()
            for problem in verify(store, session.key).problems
        ]
        assert not problems, "\n".join(problems)

    def _session_folder(self, session: str) -> Path:
        found = [
            path.parent
            for path in self._proxy.data_dir.rglob("active.jsonl")
            if urllib.parse.unquote(path.parent.name) == session
        ]
        assert len(found) == 1, f"{len(found)} logs of session {session!r}, only {self.sessions()}"
        return found[0]


@contextmanager
def checked(stack: Stack) -> Iterator[Stack]:
    """Sees a test's stack to its end: checked if the test passed, shown if not, closed."""
    try:
        yield stack
        stack.check()
    finally:
        print(stack.errors())  # shown when the test fails
        stack.close()


def _is_dialect(method: str, path: str) -> bool:
    return method in ("POST", WEBSOCKET) and path.partition("?")[0].endswith(DIALECT_PATHS)
