"""How often the requests of one conversation do not begin with the request before them."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from stitcher.simulator.serve import Received
from tests.end_to_end.histories import canonical, history

_HEAD = ("system", "instructions", "tools")
_NAMES = ("id", "status")  # of an item of the Responses API: no model is shown them


def moves(prompts: Sequence[Sequence[Any]]) -> int:
    """Number of prompts that do not begin with all of the one before."""
    return sum(after[: len(before)] != before for before, after in pairwise(map(list, prompts)))


def prompts(received: Sequence[Received]) -> list[list[Any]]:
    """What each request says, its head first, as a provider reads it; each was answered."""
    assert [one.status for one in received] == [200] * len(received)
    bodies = [json.loads(one.decoded) for one in received]
    return [
        [{name: body.get(name) for name in _HEAD}, *map(_shown, history(body))] for body in bodies
    ]


def _shown(message: Any) -> Any:
    return canonical({key: value for key, value in message.items() if key not in _NAMES})
