"""A Gemini API on loopback, as little of it as its SDK needs to hold a conversation.

It answers with what it was asked, calls a function where it is told to, and refuses what the real
one refuses: roles that do not take turns with results, a result whose function is not named.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


class GeminiServer(ThreadingHTTPServer):
    """Keeps the bodies of the requests it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[Body] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[GeminiServer]:
    """A server that is stopped at the end."""
    server = GeminiServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: GeminiServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        wrong = _wrong(body["contents"])
        answer = {"error": {"code": 400, "message": wrong}} if wrong else _answer(body)
        told = json.dumps(answer).encode()
        self.send_response(400 if wrong else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests speak for themselves."""


def _wrong(contents: list[Body]) -> str | None:
    """What the API refuses about a conversation (ai.google.dev, "Function calling", 2026-11)."""
    called: list[str] = []
    for content in contents:
        if content.get("role") not in ("user", "model"):
            return "Please use a valid role: user, model."
        found = [
            part["functionResponse"] for part in content["parts"] if "functionResponse" in part
        ]
        if [one["name"] for one in found] != called:
            return "Please ensure that the number of function response parts is equal to the calls."
        called = [
            part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part
        ]
    return None


def _answer(body: Body) -> Body:
    last = body["contents"][-1]["parts"][-1]
    part: Body = {"text": f"You said: {last.get('text', 'a result')}"}
    if "weather" in str(last.get("text")):
        call = {"name": "get_weather", "args": {"city": "Paris"}}
        part = {"functionCall": call, "thoughtSignature": "c2lnbmVk"}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": len(json.dumps(body["contents"])) // 4,
            "candidatesTokenCount": 5,
            "totalTokenCount": 9,
        },
    }
