"""Something that owns a data directory and answers like a proxy, as far as the command asks."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from stitcher.store.lock import DataDirLock


class StandIn:
    """`with StandIn(data_dir) as proxy`: answers from a table, and keeps what it was asked."""

    def __init__(self, data_dir: Path) -> None:
        self.answers: dict[tuple[str, str], tuple[int, object]] = {
            ("GET", "/healthz"): (200, {"status": "ok"}),
            ("GET", "/v1/stitcher/stats"): (200, {"sessions": 1, "requests": 5}),
        }
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self._lock = DataDirLock(data_dir)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                stand_in.asked.append((self.command, self.path, headers))
                status, answer = stand_in.answers.get((self.command, self.path), (404, {}))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler

    def __enter__(self) -> Self:
        self._lock.acquire()
        self._lock.set_url(self.url)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._lock.release()
