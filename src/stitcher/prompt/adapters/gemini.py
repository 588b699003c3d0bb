"""The adapter for the Gemini API, which caches prompt prefixes by itself: requests, no markers."""

from collections.abc import Mapping, Sequence
from typing import Any

from stitcher.messages.reading import Message, Tool, read
from stitcher.messages.toolset import written_tools
from stitcher.messages.translation import contents, translated
from stitcher.prompt.adapters.anthropic_turns import system_blocks
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.adapters.request import expect_model, expect_none_of
from stitcher.prompt.layout import Layout, expect_paired, leading


class GeminiAdapter(ProviderAdapter):
    """Counts tokens and makes requests for Gemini."""

    name = "gemini"
    family = "gemini"
    any_model = "gemini-"

    def __init__(self, model: str | None = None) -> None:
        self.model = model

    def build_request(
        self,
        messages: Sequence[Message],
        *,
        layout: Layout | None = None,
        tools: Sequence[Tool] = (),
        model: str | None = None,
        max_tokens: int | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """What `genai_client.models.generate_content(**request)` takes as it is.

        `messages` are a whole prompt, its system messages first, in any API's form; tools likewise.
        `config` among the `parameters` is kept, and completed. Raises ValueError for a prompt that
        the API would refuse.
        """
        name = expect_model(self, model)
        expect_none_of(parameters, "contents")
        said = [read(message) for message in messages]
        expect_paired(said)
        first = leading(said, layout or Layout())
        spoken = messages[first:]
        made = translated(spoken, contents(spoken))
        if not made:
            raise ValueError("found no message beside the system prompt, expected at least one")
        config = dict(_config(parameters.pop("config", None)))
        texts = [{"text": block["text"]} for block in system_blocks(messages[:first])]
        if texts:
            config["system_instruction"] = {"parts": texts}
        if tools:
            config["tools"] = [*written_tools(tools, "gemini"), *(config.get("tools") or ())]
        if max_tokens is not None:
            config["max_output_tokens"] = max_tokens
        request: dict[str, Any] = {"model": name, "contents": [one.message for one in made]}
        return {**request, **({"config": config} if config else {}), **parameters}


def _config(given: object) -> Mapping[str, Any]:
    """The caller's own settings: a dict, or google-genai's object of them. Raises TypeError."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    dump = getattr(given, "model_dump", None)
    told = dump(exclude_unset=True) if callable(dump) else None
    if isinstance(told, Mapping):
        return told
    raise TypeError(f"config: found a {type(given).__name__}, expected a dict")
