"""The dialogue that every client is taken through, and the one tool that it calls.

I am Ada. / a question that needs the tool / What did I say first?
"""

from typing import Any

HELLO = "I am Ada."
# The directive makes the simulator call the tool, spelled as it is here.
QUESTION = 'And in Paris? [[tool get_weather {"city": "Paris"}]]'
RECALL = "What did I say first?"
RECALLED = 'The first thing you said was: "I am Ada."'

# What is said, as `histories.spoken` puts it.
WELCOME = [f"user: {HELLO}", f"assistant: Reply 1 to: {HELLO}"]
TOOL_ROUND = [
    f"user: {QUESTION}",
    'assistant calls get_weather {"city": "Paris"}',
    "tool: Sunny in Paris",
    "assistant: Tool said: Sunny in Paris",
]
TRANSCRIPT = [*WELCOME, *TOOL_ROUND, f"user: {RECALL}", f"assistant: {RECALLED}"]

TOOL_NAME = "get_weather"
_DESCRIPTION = "The weather in a city"
_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
OPENAI_TOOL: Any = {
    "type": "function",
    "function": {"name": TOOL_NAME, "description": _DESCRIPTION, "parameters": _PARAMETERS},
}
RESPONSES_TOOL: Any = {
    "type": "function",
    "name": TOOL_NAME,
    "description": _DESCRIPTION,
    "parameters": _PARAMETERS,
}
ANTHROPIC_TOOL: Any = {
    "name": TOOL_NAME,
    "description": _DESCRIPTION,
    "input_schema": _PARAMETERS,
}


def weather_in(city: str) -> str:
    return f"Sunny in {city}"
