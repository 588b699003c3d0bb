"""The library as pure functions over a JSON state, under their public names."""

from stitcher.prompt.functional import (
    aappend_context,
    aappend_message,
    aappend_messages,
    acompact,
    acompact_for_request,
    append_context,
    append_message,
    append_messages,
    atransition,
    build_messages,
    build_request,
    cache_prefix,
    compact,
    compact_for_request,
    maybe_compact,
    place_dynamic,
    transition,
)
from stitcher.prompt.state import dumps, loads, new_state, validate_state
from stitcher.prompt.trimming import trim

__all__ = [
    "aappend_context",
    "aappend_message",
    "aappend_messages",
    "acompact",
    "acompact_for_request",
    "append_context",
    "append_message",
    "append_messages",
    "atransition",
    "build_messages",
    "build_request",
    "cache_prefix",
    "compact",
    "compact_for_request",
    "dumps",
    "loads",
    "maybe_compact",
    "new_state",
    "place_dynamic",
    "transition",
    "trim",
    "validate_state",
]
