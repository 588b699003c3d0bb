"""Plans requests on another machine: a fresh process, its own hash seed, nothing in memory.

Reads lines of JSON with a log and a request, writes for each what is sent and written down.
"""

import json
import sys
from dataclasses import replace
from typing import Any

from stitcher.core.log import Tree
from stitcher.core.threads import MAIN
from stitcher.core.tokens import Calibration
from stitcher.planning import Plan, plan
from stitcher.terms import Terms
from stitcher.wire import entries
from stitcher.wire.dialects import DIALECTS, read_item


def outcome(made: Plan) -> list[str]:
    """Everything of a plan that leaves the process."""
    return [made.body.decode(), *(entries.encode(entry).decode() for entry in made.entries)]


def cold(log: list[bytes], dialect: str, body: bytes, terms: Terms, portion: int) -> Plan:
    """Plans with a log read back from its end, so many lines at a time, as far as needed."""
    call = DIALECTS[dialect].parse(body)
    tree = Tree(whole=not log)
    left = list(log)
    while True:
        terms = replace(terms, exhausted=tree.whole)
        if made := plan(tree, call, DIALECTS[dialect], terms):
            return made
        for _ in range(min(portion, len(left))):
            entry = entries.decode(left.pop(), read_item)
            assert entry is not None
            tree.prepend(entry)
        tree.whole = not left


def replay(case: dict[str, Any]) -> list[str]:
    log = [line.encode() for line in case["log"]]
    terms = Terms(thread=MAIN, calibration=Calibration(), **case["terms"])
    return outcome(cold(log, case["dialect"], case["body"].encode(), terms, case["portion"]))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(replay(json.loads(line))))
