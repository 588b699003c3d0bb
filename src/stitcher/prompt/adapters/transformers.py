"""The adapter for a local model: tokens counted by its own tokenizer and chat template."""

from collections.abc import Mapping, Sequence
from typing import Any

from stitcher.messages.counting import Counter
from stitcher.messages.reading import Message, tokens_of
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter


class TransformersAdapter(ProviderAdapter):
    """Counts with any object that has `apply_chat_template` or `encode`, as tokenizers do.

    With a chat template the count is that of the prompt the model is given, to the token. Where
    the template refuses the messages (some know no system role), or there is none, the texts are
    counted one by one.
    """

    name = "transformers"

    def __init__(self, tokenizer: Any) -> None:
        if not hasattr(tokenizer, "apply_chat_template") and not hasattr(tokenizer, "encode"):
            raise TypeError(
                f"tokenizer: found a {type(tokenizer).__name__}, expected one with "
                "apply_chat_template() or encode()"
            )
        self.tokenizer = tokenizer
        self._texts = Counter(self.family, self._encoded)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of some messages as the model's template writes them."""
        templated = self._templated(messages) if messages else 0
        return sum(map(self.message_tokens, messages)) if templated is None else templated

    def message_tokens(self, message: Message) -> int:
        """Tokens of one message's texts, with a few for its frame."""
        return tokens_of(message, self._texts)

    def _encoded(self, text: str) -> int:
        return len(self.tokenizer.encode(text))

    def _templated(self, messages: Sequence[Message]) -> int | None:
        if not hasattr(self.tokenizer, "apply_chat_template"):
            return None
        try:
            found = self.tokenizer.apply_chat_template(
                list(messages), tokenize=True, add_generation_prompt=False
            )
        except Exception:  # noqa: BLE001 - a template is a program of the model's: it raises anything
            return None
        # transformers 5 answers with a mapping, earlier versions with the ids themselves.
        return len(found["input_ids"] if isinstance(found, Mapping) else found)
