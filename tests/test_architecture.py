"""The diagram of the layers, and the gate.

    cli → proxy → exchange → planning → wire → messages → core
                                        store → core
                                        providers → (nothing)
    integrations, functional → prompt → messages, providers → core
    simulator → (nothing but errors)
    benchmark → prompt, simulator, providers → core

The folder is the layer; an import may only point inwards. `core`, `messages`, `wire` and the
planning between them are pure: no I/O, no clock, no randomness, no async. The proxy reads JSON
members and server-sent events with `wire` where it turns them into frames of a WebSocket and back.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "stitcher"
BENCH = ROOT / "bench"
LONGEST_MODULE = 400  # lines

# What a layer may import of this package, besides itself. Keys are folders or top-level modules.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": {"functional", "prompt", "errors"},
    "functional": {"prompt"},
    "errors": set(),
    "core": set(),
    "providers": set(),
    "repeats": set(),
    "ports": set(),
    "messages": {"core"},
    "prompt": {"core", "errors", "messages", "providers"},
    "integrations": {"core", "messages", "prompt"},
    "wire": {"core", "messages"},
    "recording": {"core", "wire"},
    "lending": {"core", "wire"},
    "terms": {"core"},
    "refused": {"terms", "wire"},
    "prefixes": {"core", "providers", "wire"},
    "window": {"core", "lending", "prefixes", "providers", "repeats", "terms", "wire"},
    "prompt_ends": {"core", "prefixes", "providers"},
    "forecast": {"core", "prefixes", "prompt_ends", "providers"},
    "cache_plan": {"core", "forecast", "prefixes", "prompt_ends", "window", "wire"},
    "planning": {
        "cache_plan",
        "core",
        "forecast",
        "lending",
        "providers",
        "recording",
        "repeats",
        "terms",
        "window",
        "wire",
    },
    "store": {"core", "errors"},
    "addresses": set(),
    "settings": {"addresses", "core", "errors", "ports"},
    "verify": {"core", "messages", "wire", "store"},
    "sessions": {"core", "messages", "wire", "store"},
    "conversations": {"core", "wire", "store", "sessions"},
    "listening": {"wire", "ports"},
    "responses_api": {
        "core",
        "messages",
        "wire",
        "store",
        "sessions",
        "recording",
        "ports",
        "errors",
    },
    "locating": {"core", "responses_api", "sessions", "settings", "store", "terms", "wire"},
    "turns": {
        "forecast",
        "refused",
        "providers",
        "terms",
        "conversations",
        "core",
        "errors",
        "planning",
        "ports",
        "recording",
        "responses_api",
        "sessions",
        "messages",
        "wire",
    },
    "keeping_warm": {
        "core",
        "errors",
        "listening",
        "ports",
        "providers",
        "sessions",
        "settings",
        "store",
        "turns",
        "wire",
    },
    "exchange": {
        "refused",
        "keeping_warm",
        "terms",
        "locating",
        "turns",
        "responses_api",
        "listening",
        "recording",
        "core",
        "messages",
        "wire",
        "store",
        "planning",
        "sessions",
        "conversations",
        "errors",
        "ports",
        "settings",
    },
    "tenants": {"errors", "settings", "store"},
    "proxy": {
        "messages",
        "wire",
        "addresses",
        "exchange",
        "responses_api",
        "tenants",
        "store",
        "settings",
        "errors",
        "ports",
        "__init__",
    },
    "simulator": set(),
    "benchmark": {"core", "errors", "messages", "prompt", "providers", "simulator", "__init__"},
    "cli": {
        "benchmark",
        "messages",
        "providers",
        "addresses",
        "tenants",
        "proxy",
        "store",
        "settings",
        "errors",
        "verify",
        "simulator",
        "wire",
        "core",
        "__init__",
    },
}
PURE = (
    "terms",
    "window",
    "core",
    "messages",
    "wire",
    "providers",
    "prefixes",
    "prompt_ends",
    "forecast",
    "cache_plan",
    "lending",
    "planning",
    "recording",
    "repeats",
)
IMPURE = {
    "os",
    "io",
    "time",
    "random",
    "socket",
    "asyncio",
    "threading",
    "secrets",
    "pathlib",
    "datetime",
}
STANDARD_LIBRARY_ONLY = (
    "__init__",
    "core",
    "errors",
    "functional",
    "messages",
    "ports",
    "prompt",
    "providers",
)
DRAWERS = {"utils", "util", "helpers", "common", "misc", "manager", "tools", "base", "lib"}


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it points"
            yield node.module or ""


def named(path: Path) -> str:
    return str(path.relative_to(SRC if path.is_relative_to(SRC) else ROOT))


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_point_inwards(path: Path) -> None:
    here = layer(path)
    assert here in MAY_IMPORT, f"{named(path)}: a new layer needs a line in the diagram"
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package != "stitcher":
            continue
        there = rest.partition(".")[0] or "__init__"
        assert there == here or there in MAY_IMPORT[here], f"{named(path)} imports {name}"


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) in PURE], ids=named)
def test_pure_layers_do_nothing_but_compute(path: Path) -> None:
    found = {name.partition(".")[0] for name in imports(path)} & IMPURE
    assert not found, f"{named(path)} imports {found}"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waits = [n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.Await)]
    assert not waits, f"{named(path)} waits for something"


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) == "benchmark"], ids=named)
def test_the_benchmark_speaks_http_in_one_place(path: Path) -> None:
    # Who runs it in virtual time needs no network, and a key is in one module's hands.
    speaks = "aiohttp" in {name.partition(".")[0] for name in imports(path)}
    assert speaks == (named(path) == "benchmark/live/asking.py")


@pytest.mark.parametrize(
    "path", [p for p in modules() if layer(p) in STANDARD_LIBRARY_ONLY], ids=named
)
def test_the_core_runs_on_the_standard_library(path: Path) -> None:
    import sys

    others = {name.partition(".")[0] for name in imports(path)} - {"stitcher"}
    assert others <= sys.stdlib_module_names, f"{named(path)} imports {others}"


@pytest.mark.parametrize("path", [*modules(), *sorted(BENCH.glob("*.py"))], ids=named)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert ast.get_docstring(ast.parse(text)), "a module opens with what it is responsible for"
    assert path.stem not in DRAWERS, "if it has no better name, it has no home yet"
