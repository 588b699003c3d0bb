from typing import Any

import pytest

from stitcher.simulator.schema_sample import sample


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "minLength": 12}, "simulated..."),
        ({"type": "string", "maxLength": 3}, "sim"),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 7}, 7),
        ({"type": ["integer", "null"], "minimum": 3}, 3),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        (
            {"$defs": {"N": {"type": "number"}}, "properties": {"n": {"$ref": "#/$defs/N"}}},
            {"n": 0},
        ),
        (
            {
                "type": "object",
                "properties": {"title": {"type": "string"}, "spare": {"type": "string"}},
                "required": ["title"],
            },
            {"title": "simulated"},
        ),
    ],
)
def test_a_sample_satisfies_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema) == value


def test_a_schema_that_contains_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert isinstance(sample(node), dict)
