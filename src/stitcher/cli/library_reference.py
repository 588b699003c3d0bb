"""The page of the library's names, made from its signatures and docstrings."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import stitcher

_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "The manager": ("PromptManager", "PromptConfig", "TransitionMode"),
    "Adapters": (
        "ProviderAdapter",
        "OpenAIAdapter",
        "OpenAIResponsesAdapter",
        "AnthropicAdapter",
        "GeminiAdapter",
        "TransformersAdapter",
    ),
    "The state": ("new_state", "dumps", "loads", "validate_state"),
    "Lists of messages": ("trim", "repair", "Repaired", "Repair"),
    "Hooks": (
        "CompactionHook",
        "TransitionHook",
        "ContextConsolidationHook",
        "truncation_compaction_hook",
        "keep_first_user_message",
        "summarise",
        "identity_transition_hook",
        "drop_tool_messages_transition_hook",
        "trim_tool_outputs",
        "concat_context_consolidation_hook",
    ),
    "Errors": ("StitcherError", "HookError"),
}
_ALIASES: Final = {
    "CompactionHook": "`(messages, target_tokens, adapter)` → the messages that stay.",
    "TransitionHook": "`(messages)` → what of them becomes history.",
    "ContextConsolidationHook": "`(key, messages)` → the text that they say together.",
}
_MODULE: Final = re.compile(r"\b(?:\w+\.)+(?=[A-Z])")
_FUNCTION: Final = re.compile(r"<function (\w+) at 0x[0-9a-f]+>")


def page(made: str) -> str:
    """The page; `made` says in it how it was made."""
    sections = [
        f"## {title}\n\n" + "\n".join(_entry(name, getattr(stitcher, name)) for name in names)
        for title, names in _SECTIONS.items()
    ]
    functions = [
        _entry(name, getattr(stitcher.functional, name), within="functional.")
        for name in stitcher.functional.__all__
        if name not in stitcher.__all__
    ]
    sections.append("## `stitcher.functional`\n\n" + "\n".join(functions))
    return (
        f"# Names of the library\n\n{made}\n"
        "All of `from stitcher import ...`. How they go together: [the library](../library.md).\n\n"
        + "\n".join(sections)
    )


def _entry(name: str, of: Any, *, within: str = "") -> str:
    if name in _ALIASES:
        return f"### `{name}`\n\n{_ALIASES[name]}\n"
    if not inspect.isclass(of):
        return f"### `{within}{name}`\n\n{_signature(name, of)}\n{_doc(of)}\n"
    parts = [f"### `{name}`\n\n", _signature(name, of), f"\n{_doc(of)}\n"]
    fields = list(_fields(of))
    if fields:
        rows = "\n".join(f"| `{field}` | {doc} |" for field, doc in fields)
        parts.append(f"\n| | |\n|---|---|\n{rows}\n")
    for method, what in _methods(of):
        parts.append(f"\n#### `{name}.{method}`\n\n{_signature(method, what)}\n{_doc(what)}\n")
    return "".join(parts)


def _signature(name: str, of: Any) -> str:
    if isinstance(of, property) or (inspect.isclass(of) and issubclass(of, Exception)):
        return ""
    if inspect.isclass(of) and issubclass(of, str):
        return ""
    shown = _MODULE.sub("", _FUNCTION.sub(r"\1", str(inspect.signature(of))))
    for alias in _ALIASES:
        shown = shown.replace(_MODULE.sub("", str(getattr(stitcher, alias))), alias)
    shown = re.sub(r"\*\*settings: [^,)]*", "**settings", shown).replace("(self, ", "(")
    shown = re.sub(r"<\w+: ('\w+')>|<factory>", lambda m: m.group(1) or "...", shown)
    line = f"{name}{shown}".replace("(self)", "()").replace("(cls, ", "(")
    wrapped = line if len(line) <= 96 else _wrapped(line)
    return f"```text\n{wrapped}\n```\n"


def _wrapped(line: str) -> str:
    """One argument a line."""
    opening = line.index("(")
    closing = line.rindex(")")
    arguments, depth, start = [], 0, opening + 1
    for n in range(opening + 1, closing):
        depth += (line[n] in "([{") - (line[n] in ")]}")
        if line[n] == "," and depth == 0:
            arguments.append(line[start:n].strip())
            start = n + 1
    arguments.append(line[start:closing].strip())
    inside = "".join(f"    {argument},\n" for argument in arguments)
    return f"{line[: opening + 1]}\n{inside}{line[closing:]}"


def _doc(of: Any) -> str:
    return inspect.cleandoc(of.__doc__ or "")


def _methods(of: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """What a class has for others, in its own order; what it inherits is said where it is from."""
    for name, what in vars(of).items():
        bare = what.__func__ if isinstance(what, classmethod | staticmethod) else what
        if not name.startswith("_") and (inspect.isfunction(bare) or isinstance(what, property)):
            yield name, bare


def _fields(of: type) -> Iterator[tuple[str, str]]:
    """Attributes that have a docstring of their own, which Python does not keep."""
    (found,) = (
        node
        for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(of) or of)))
        if isinstance(node, ast.ClassDef) and node.name == of.__name__
    )
    for node, after in zip(found.body, found.body[1:], strict=False):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0] if isinstance(node.targets[0], ast.Name) else None
        said = after.value if isinstance(after, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(said, ast.Constant):
            yield target.id, " ".join(str(said.value).split())
