"""The conversation trace of Mooncake: an hour of a chat service, request by request.

Mooncake (FAST '25), github.com/kvcache-ai/Mooncake, FAST25-release/traces, Apache-2.0. Of a prompt
it names the 512-token blocks; an id stands for a block and all before it. So a request goes on with
the conversation whose last prompt it shares its longest beginning with, beyond the first block,
which all share: the head.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stitcher.benchmark.conversation import Block, Conversation, Request

_BLOCK: Final = 512  # tokens
_TOKENS_A_SECOND: Final = 60.0  # of an answer; the trace says nothing of it
SAMPLE: Final = 200  # conversations


def is_line(line: Mapping[str, Any]) -> bool:
    """True for a line that only such a file has."""
    numbers = ("timestamp", "input_length", "output_length")
    ids = line.get("hash_ids")
    return isinstance(ids, list) and all(isinstance(line.get(name), int) for name in numbers)


@dataclass(slots=True)
class _Talk:
    """The requests of one conversation, in order."""

    lines: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def grown_to(self) -> int:
        """Tokens of its last prompt and the answer to it."""
        last = self.lines[-1]
        return int(last["input_length"]) + int(last["output_length"])


def conversations(lines: Iterable[Mapping[str, Any]]) -> list[Conversation]:
    """Those of more than one request. One that is edited goes on as another."""
    talks: list[_Talk] = []
    last_with: dict[int, _Talk] = {}
    for line in lines:
        ids: Sequence[int] = line["hash_ids"]
        talk = next((last_with[one] for one in reversed(ids[1:]) if one in last_with), None)
        if talk is None or line["input_length"] <= talk.grown_to:
            talk = _Talk()
            talks.append(talk)
        talk.lines.append(line)
        last_with.update(dict.fromkeys(ids, talk))
    return [_conversation(talk) for talk in talks if len(talk.lines) > 1]


def sampled(found: Sequence[Conversation], seed: int) -> list[Conversation]:
    """So many of them, drawn with the seed, in their order."""
    if len(found) <= SAMPLE:
        return list(found)
    drawn = random.Random(seed).sample(range(len(found)), SAMPLE)
    return [found[n] for n in sorted(drawn)]


def _conversation(talk: _Talk) -> Conversation:
    requests: list[Request] = []
    before = head = min(_BLOCK, int(talk.lines[0]["input_length"]) - 1)
    for n, line in enumerate(talk.lines):
        reply = max(1, int(line["output_length"]))
        said = Block(b"said %d" % n, int(line["input_length"]) - before)
        before = int(line["input_length"]) + reply
        at, seconds = line["timestamp"] / 1_000, reply / _TOKENS_A_SECOND
        requests.append(Request(at, said, True, Block(b"reply %d" % n, reply), seconds))
    return Conversation(Block(b"head", head), requests)
