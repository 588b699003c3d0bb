"""The smallest JSON value that satisfies a JSON Schema of the kind structured outputs allow.

Covers types, enum, const, required properties, anyOf/oneOf/allOf and local references; leaves out
patterns and numeric bounds beyond `minimum`, which structured outputs do not offer.
"""

from typing import Any

_MAX_DEPTH = 20


def sample(schema: Any) -> Any:
    return _sample(schema, schema, 0)


def _sample(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _sample(_resolve(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return _sample(schema[union][0], root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: dict[str, Any], root: Any, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    match kind:
        case "object":
            properties = schema.get("properties", {})
            names = schema.get("required", list(properties))
            return {name: _sample(properties.get(name), root, depth + 1) for name in names}
        case "array":
            least = schema.get("minItems", 0)
            return [_sample(schema.get("items"), root, depth + 1) for _ in range(least)]
        case "string":
            return "simulated".ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return None


def _resolve(reference: Any, root: Any) -> Any:
    target = root
    for step in str(reference).removeprefix("#").strip("/").split("/"):
        if step:
            target = target.get(step) if isinstance(target, dict) else None
    return target
