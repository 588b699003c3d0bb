"""The dialogue that Codex is taken through, and its items read without what Codex itself adds.

I am Ada. / a question that needs its shell / What did I say first?
"""

import re
from collections.abc import Sequence

from tests.end_to_end.histories import Kept, spoken

HELLO = "I am Ada."
# The directive makes the simulator call the tool, spelled as it is here.
QUESTION = 'Run it. [[tool exec_command {"cmd":"echo from-tool"}]]'
RECALL = "What did I say first?"
RECALLED = 'The first thing you said was: "I am Ada."'

# What is said, as `own_words` puts it.
TRANSCRIPT = [
    f"user: {HELLO}",
    f"assistant: Reply 1 to: {HELLO}",
    f"user: {QUESTION}",
    'assistant calls exec_command {"cmd": "echo from-tool"}',
    "tool: from-tool",
    "assistant: Tool said: from-tool",
    f"user: {RECALL}",
    f"assistant: {RECALLED}",
]

_ITS_OWN = ("developer: ", "user: <environment_context>", "an item: additional_tools")
_AROUND_OUTPUT = re.compile(
    r"Chunk ID: .*?\nOutput:\n|Script completed\n.*?\nOutput:\n\n?", re.DOTALL
)


def own_words(items: Sequence[Kept]) -> list[str]:
    """What was said, without Codex's prompt and what it puts around a command's output."""
    return [
        _AROUND_OUTPUT.sub("", line).rstrip("\n")
        for line in spoken(items)
        if not line.startswith(_ITS_OWN)
    ]
