"""Small session files in the formats of Claude Code and Codex, in words of our own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def at(seconds: int) -> str:
    return f"2026-11-20T10:{seconds // 60:02}:{seconds % 60:02}.000Z"


def claude_line(kind: str, seconds: int, **message: Any) -> Line:
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/work",
        "sessionId": "0b1c",
        "version": "2.1.330",
        "type": kind,
        "message": {"role": kind, **message},
        "uuid": f"u{seconds}",
        "timestamp": at(seconds),
    }


def usage(fresh: int, written: int, read: int, output: int) -> Line:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": output,
    }


def answer(seconds: int, id: str, block: Line, used: Line) -> Line:
    model = "claude-opus-5-5"
    return claude_line("assistant", seconds, id=id, model=model, content=[block], usage=used)


_CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "README.md\n" * 40}

CLAUDE_CODE: list[Line] = [
    {"type": "file-history-snapshot", "messageId": "u0", "snapshot": {}},
    claude_line("user", 0, content="List the files here."),
    answer(3, "msg_1", {"type": "text", "text": "I will look."}, usage(4, 15_996, 0, 2)),
    answer(4, "msg_1", _CALL, usage(4, 15_996, 0, 60)),
    claude_line("user", 5, content=[_RESULT]),
    {**claude_line("user", 5, content="Look into docs."), "isSidechain": True},
    answer(8, "msg_2", {"type": "text", "text": "A README."}, usage(4, 296, 15_900, 12)),
    {"type": "system", "subtype": "turn_duration", "timestamp": at(8)},
    claude_line("user", 400, content="Thanks."),
    claude_line("assistant", 401, id="x", model="<synthetic>", content="API Error: 529"),
    answer(403, "msg_3", {"type": "text", "text": "You are welcome."}, usage(4, 96, 16_200, 9)),
]


def codex_line(kind: str, seconds: int, **payload: Any) -> Line:
    return {"timestamp": at(seconds), "type": kind, "payload": payload}


def counted(seconds: int, prompt: int, output: int) -> Line:
    last = {"input_tokens": prompt, "cached_input_tokens": 0, "output_tokens": output}
    return codex_line("event_msg", seconds, type="token_count", info={"last_token_usage": last})


def _message(role: str, text: str) -> Line:
    part = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": part, "text": text}]}


CODEX: list[Line] = [
    codex_line("session_meta", 0, id="019a", cli_version="0.169.0"),
    codex_line("turn_context", 0, model="gpt-6.1-sol"),
    codex_line("response_item", 0, **_message("developer", "Be brief. " * 40)),
    codex_line("response_item", 0, **_message("user", "List the files here.")),
    codex_line("event_msg", 0, type="token_count", info=None),
    codex_line("response_item", 2, type="reasoning", summary=[], encrypted_content="gAAA"),
    codex_line(
        "response_item",
        3,
        type="function_call",
        name="exec_command",
        arguments='{"cmd":"ls"}',
        call_id="c1",
    ),
    counted(3, 9_000, 80),
    codex_line(
        "response_item", 4, type="function_call_output", call_id="c1", output="README.md\n" * 40
    ),
    codex_line("response_item", 6, **_message("assistant", "A README.")),
    counted(6, 9_250, 20),
    codex_line("response_item", 900, **_message("user", "Thanks.")),
    codex_line("response_item", 902, **_message("assistant", "You are welcome.")),
    counted(902, 9_280, 10),
]


def written(path: Path, lines: Iterable[Line]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path
