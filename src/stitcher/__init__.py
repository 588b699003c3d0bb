"""Stitcher: the memory between any client and any LLM API; and the library it is made of.

    from stitcher import PromptManager

    manager = PromptManager(static_system_prompt="You are a helpful assistant.")
    manager.append({"role": "user", "content": "Hi"})
    messages = manager.build_messages(dynamic_system_prompt="The time is 12:00.")

Names are imported when they are first asked for: the proxy and the command need none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stitcher import functional as functional
    from stitcher.errors import HookError as HookError
    from stitcher.errors import StitcherError as StitcherError
    from stitcher.prompt.adapters.anthropic import AnthropicAdapter as AnthropicAdapter
    from stitcher.prompt.adapters.gemini import GeminiAdapter as GeminiAdapter
    from stitcher.prompt.adapters.openai import OpenAIAdapter as OpenAIAdapter
    from stitcher.prompt.adapters.openai import OpenAIResponsesAdapter as OpenAIResponsesAdapter
    from stitcher.prompt.adapters.provider_adapter import ProviderAdapter as ProviderAdapter
    from stitcher.prompt.adapters.transformers import TransformersAdapter as TransformersAdapter
    from stitcher.prompt.compaction_hooks import keep_first_user_message as keep_first_user_message
    from stitcher.prompt.compaction_hooks import summarise as summarise
    from stitcher.prompt.compaction_hooks import (
        truncation_compaction_hook as truncation_compaction_hook,
    )
    from stitcher.prompt.config import CompactionHook as CompactionHook
    from stitcher.prompt.config import ContextConsolidationHook as ContextConsolidationHook
    from stitcher.prompt.config import PromptConfig as PromptConfig
    from stitcher.prompt.config import TransitionHook as TransitionHook
    from stitcher.prompt.config import TransitionMode as TransitionMode
    from stitcher.prompt.consolidation import (
        concat_context_consolidation_hook as concat_context_consolidation_hook,
    )
    from stitcher.prompt.prompt_manager import PromptManager as PromptManager
    from stitcher.prompt.repair import Repair as Repair
    from stitcher.prompt.repair import Repaired as Repaired
    from stitcher.prompt.repair import repair as repair
    from stitcher.prompt.state import dumps as dumps
    from stitcher.prompt.state import loads as loads
    from stitcher.prompt.state import new_state as new_state
    from stitcher.prompt.state import validate_state as validate_state
    from stitcher.prompt.transition_hooks import (
        drop_tool_messages_transition_hook as drop_tool_messages_transition_hook,
    )
    from stitcher.prompt.transition_hooks import (
        identity_transition_hook as identity_transition_hook,
    )
    from stitcher.prompt.transition_hooks import trim_tool_outputs as trim_tool_outputs
    from stitcher.prompt.trimming import trim as trim

    __version__: str

_HOME = {
    "AnthropicAdapter": "prompt.adapters.anthropic",
    "CompactionHook": "prompt.config",
    "ContextConsolidationHook": "prompt.config",
    "GeminiAdapter": "prompt.adapters.gemini",
    "HookError": "errors",
    "OpenAIAdapter": "prompt.adapters.openai",
    "OpenAIResponsesAdapter": "prompt.adapters.openai",
    "PromptConfig": "prompt.config",
    "PromptManager": "prompt.prompt_manager",
    "ProviderAdapter": "prompt.adapters.provider_adapter",
    "Repair": "prompt.repair",
    "Repaired": "prompt.repair",
    "StitcherError": "errors",
    "TransformersAdapter": "prompt.adapters.transformers",
    "TransitionHook": "prompt.config",
    "TransitionMode": "prompt.config",
    "concat_context_consolidation_hook": "prompt.consolidation",
    "drop_tool_messages_transition_hook": "prompt.transition_hooks",
    "dumps": "prompt.state",
    "identity_transition_hook": "prompt.transition_hooks",
    "keep_first_user_message": "prompt.compaction_hooks",
    "loads": "prompt.state",
    "new_state": "prompt.state",
    "repair": "prompt.repair",
    "summarise": "prompt.compaction_hooks",
    "trim": "prompt.trimming",
    "trim_tool_outputs": "prompt.transition_hooks",
    "truncation_compaction_hook": "prompt.compaction_hooks",
    "validate_state": "prompt.state",
}
"""Every public name and the module it lives in."""

__all__ = ["__version__", "functional", *_HOME]


def __getattr__(name: str) -> Any:
    """A public name, from where it lives."""
    if name == "functional":
        return import_module("stitcher.functional")
    if name == "__version__":
        return _version()
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"stitcher.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("stitcher-llm")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0.0.0"


def __dir__() -> list[str]:
    return sorted(__all__)
