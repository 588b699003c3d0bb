"""What is purged is gone: nothing that was said is left in any file, of the proxy as shipped."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from stitcher.proxy.serve import serving
from stitcher.settings import Settings
from tests.proxy.raw import Call, ask, provider, run

WORDS = (b"hunter2", b"Noted")


async def answers(call: Call) -> None:
    """A provider that says the same under another id each time."""
    number = len(call.request.body)
    text = {"type": "output_text", "text": "Noted.", "annotations": []}
    said = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [text]}
    document = {"id": f"resp_{number}", "object": "response", "status": "completed"}
    body = json.dumps({**document, "output": [said]}).encode()
    await call.answer(body, "Content-Type: application/json")


@asynccontextmanager
async def proxied(data_dir: Path) -> AsyncGenerator[str]:
    async with provider(answers) as upstream:
        settings = Settings(port=0, upstream=upstream.url, data_dir=data_dir)
        async with serving(settings) as url:
            yield url


async def respond(url: str, text: str, **more: str) -> dict[str, Any]:
    body = json.dumps({"model": "m", "input": text, **more}).encode()
    answer = await ask(url, "POST", "/v1/responses", body=body)
    return {"http": answer.status, **json.loads(answer.body)}


def left(root: Path) -> list[Path]:
    """Whatever has one of the words in its name or its bytes."""
    return [
        path
        for path in root.rglob("*")
        for words in WORDS
        if words in bytes(path) or (path.is_file() and words in path.read_bytes())
    ]


def named(root: Path, beginning: str) -> str:
    """The one session whose name begins so."""
    (found,) = (path.name for path in root.iterdir() if path.name.startswith(beginning))
    return found


def test_a_purge_leaves_no_word_behind(tmp_path: Path) -> None:
    """Nor does the name of the session stay, which is made of its first words."""

    async def story() -> None:
        async with proxied(tmp_path) as url:
            first = await respond(url, "hunter2 is my password.")
        async with proxied(tmp_path) as url:  # what is in the journal is put in its place
            second = await respond(url, "Say it.", previous_response_id=first["id"])
            assert second["http"] == 200
            session = named(tmp_path, "hunter2")
            assert left(tmp_path)

            gone = await ask(url, "DELETE", f"/stitcher/sessions/{session}")
            assert gone.status == 200
            assert left(tmp_path) == []
            for response in (first, second):
                unknown = await ask(url, "GET", f"/v1/responses/{response['id']}")
                assert unknown.status == 404
        assert left(tmp_path) == []

    run(story())
