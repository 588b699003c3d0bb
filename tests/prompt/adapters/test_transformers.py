"""Counting with a tokenizer; the real package is in tests/end_to_end/test_transformers.py."""

from typing import Any

import pytest

from stitcher import PromptManager, TransformersAdapter
from tests.prompt.speech import Message, user


class Encodes:
    """Each word is a token."""

    def encode(self, text: str) -> list[int]:
        return list(range(len(text.split())))


class Templates(Encodes):
    """As transformers 4: the ids themselves."""

    def apply_chat_template(self, messages: list[Message], **settings: Any) -> Any:
        assert settings == {"tokenize": True, "add_generation_prompt": False}
        if any(message["role"] == "system" for message in messages):
            raise LookupError("System role not supported")
        return [0] * sum(2 + len(self.encode(message["content"])) for message in messages)


class Maps(Templates):
    """As transformers 5: a mapping, whose length is not that of the ids."""

    def apply_chat_template(self, messages: list[Message], **settings: Any) -> Any:
        ids = super().apply_chat_template(messages, **settings)
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}


@pytest.mark.parametrize("tokenizer", [Templates(), Maps()])
def test_the_chat_template_counts(tokenizer: Any) -> None:
    adapter = TransformersAdapter(tokenizer)
    assert adapter.count_tokens([user("one two three"), user("four")]) == 8
    assert adapter.count_tokens([]) == 0


@pytest.mark.parametrize("tokenizer", [Encodes(), Templates()])
def test_where_it_refuses_or_there_is_none_the_texts_are_counted(tokenizer: Any) -> None:
    system = {"role": "system", "content": "Be brief, please."}
    adapter = TransformersAdapter(tokenizer)
    assert adapter.count_tokens([system, user("one two")]) == 3 + 2 + 2 * 4


def test_a_budget_is_kept_in_the_models_own_tokens() -> None:
    manager = PromptManager(adapter=TransformersAdapter(Maps()), max_tokens=20)
    for n in range(9):
        manager.append(user(f"word {n}"))
    kept = [message["content"] for message in manager.long_lived_history]
    assert kept[-1] == "word 8"
    assert manager.adapter.count_tokens(manager.long_lived_history) <= 20


def test_what_is_no_tokenizer_is_refused() -> None:
    with pytest.raises(TypeError, match="tokenizer: found a int, expected one with"):
        TransformersAdapter(7)


def test_it_makes_no_requests() -> None:
    manager = PromptManager(adapter=TransformersAdapter(Encodes())).append(user("1"))
    with pytest.raises(TypeError, match="TransformersAdapter makes no requests, expected an"):
        manager.build_request()
