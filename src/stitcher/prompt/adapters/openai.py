"""The adapters for OpenAI's APIs, Chat Completions and Responses: tokens, and whole requests."""

from collections.abc import Sequence
from typing import Any

from stitcher.messages.reading import Message, Tool
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.adapters.request import expect_model
from stitcher.prompt.layout import Layout


class OpenAIAdapter(ProviderAdapter):
    """Counts tokens and makes requests of Chat Completions, OpenAI's own or compatible ones.

    OpenAI caches prompt prefixes by itself, so prompts need no markers up to GPT-5.5; requests for
    later models carry explicit breakpoints where what is implicit would miss. `prompt_cache_key`
    goes into every request; without it, a request for an older model has a key of its conversation,
    which keeps its requests on one machine.
    """

    name = "openai"
    family = "openai_chat"
    any_model = "gpt-"
    _over = "chat"

    def __init__(self, model: str | None = None, *, prompt_cache_key: str | None = None) -> None:
        self.model = model
        self.prompt_cache_key = prompt_cache_key

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
        """What `openai_client.chat.completions.create(**request)` takes as it is.

        `messages` are a whole prompt, its system messages first, in any API's form; tools likewise.
        `max_tokens` bounds the answer; `parameters` go in as they are. Raises ValueError for a
        prompt that the API would refuse.
        """
        # Not every application makes requests with us: the others need not wait for the import.
        from stitcher.prompt.adapters import openai_request as requests

        name = expect_model(self, model)
        key = self.prompt_cache_key
        asked = requests.Asked(name, layout or Layout(), tools, max_tokens, key, parameters)
        api = requests.APIS[self._over]
        return requests.request(messages, asked, api=api, counter=self._counter)


class OpenAIResponsesAdapter(OpenAIAdapter):
    """The same over the Responses API: requests for `openai_client.responses.create(**request)`.

    The static system prompt is the first item of the input, where it can carry a breakpoint.
    """

    name = "openai_responses"
    family = "openai_responses"
    _over = "responses"
