"""Counting tokens: an estimate that learns, exact where a vocabulary is installed."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from anthropic.types import Usage
from openai.types import CompletionUsage

from stitcher import AnthropicAdapter, GeminiAdapter, OpenAIAdapter, ProviderAdapter
from stitcher.prompt import vocabularies
from tests.prompt.speech import (
    FORMS,
    TOOLS,
    FormName,
    Message,
    Turn,
    answer,
    spoken,
    user,
)

PROSE = "The quick brown fox jumps over the lazy dog, and then it does so again. " * 30
ADAPTERS = [ProviderAdapter(), OpenAIAdapter(), AnthropicAdapter(), GeminiAdapter()]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_a_text_is_estimated_by_the_providers_bytes_a_token(adapter: ProviderAdapter) -> None:
    tokens = adapter.count_tokens([user(PROSE)])
    assert len(PROSE) / 5 < tokens < len(PROSE) / 2


@pytest.mark.parametrize("form", FORMS)
def test_a_list_has_as_many_tokens_as_its_messages(form: FormName) -> None:
    said = spoken([Turn("Where?", (2, 1)), Turn("And?")], form)
    adapter = OpenAIAdapter()
    assert adapter.count_tokens([]) == 0
    assert adapter.count_tokens(said) == sum(adapter.count_tokens([one]) for one in said)
    assert all(adapter.count_tokens([one]) > 4 for one in said)


@pytest.mark.parametrize("form", FORMS)
def test_whatever_form_it_has_a_text_is_as_many_tokens(form: FormName) -> None:
    adapter = AnthropicAdapter()
    plain = adapter.count_tokens([answer(PROSE)])
    assert adapter.count_tokens([answer(PROSE, form)]) == plain


def test_the_more_is_said_the_more_it_is() -> None:
    adapter = OpenAIAdapter()
    for long, short in (("word " * 9, "word"), ("é" * 90, "e" * 90), ("記" * 90, "e" * 90)):
        assert adapter.count_tokens([user(long)]) > adapter.count_tokens([user(short)])
    assert adapter.count_tokens([user("half \ud83d")]) > 0, "half of an emoji, as some cut them"


class TestObserve:
    TALK: ClassVar = [user(PROSE), answer(PROSE), user(PROSE)]

    @pytest.mark.parametrize(
        "usage",
        [
            {"prompt_tokens": 1_000, "completion_tokens": 5},
            {"input_tokens": 1_000, "input_tokens_details": {"cached_tokens": 900}},
            {
                "input_tokens": 100,
                "cache_creation_input_tokens": 200,
                "cache_read_input_tokens": 700,
            },
            {"prompt_token_count": 1_000, "cached_content_token_count": 900},
            {"promptTokenCount": 1_000},
            {"prompt_eval_count": 1_000},
            CompletionUsage(prompt_tokens=1_000, completion_tokens=1, total_tokens=1_001),
            Usage(input_tokens=100, cache_read_input_tokens=900, output_tokens=1),
        ],
    )
    def test_what_a_provider_counted_is_counted_from_then_on(self, usage: object) -> None:
        adapter = OpenAIAdapter()
        adapter.observe(self.TALK, usage)
        assert adapter.count_tokens(self.TALK) == 1_000
        assert adapter.count_tokens(self.TALK[:1]) == pytest.approx(333, abs=5)

    def test_a_few_answers_are_enough(self) -> None:
        """A provider whose every token is 3.1 bytes, and four more for each message."""
        adapter, said = OpenAIAdapter(), []
        for n in range(6):
            said.append(user(f"{n} {PROSE}"))
            told = sum(round(len(one["content"]) / 3.1) + 4 for one in said)
            adapter.observe(said, {"prompt_tokens": told})
        assert adapter.count_tokens(said) == pytest.approx(told, rel=0.02)

    def test_tools_take_part(self) -> None:
        with_tools, without = OpenAIAdapter(), OpenAIAdapter()
        with_tools.observe(self.TALK, {"prompt_tokens": 1_000}, tools=TOOLS["openai_chat"])
        without.observe(self.TALK, {"prompt_tokens": 1_000})
        assert with_tools.count_tokens(self.TALK) < without.count_tokens(self.TALK)

    def test_a_usage_that_speaks_of_something_else_changes_nothing(self) -> None:
        adapter = OpenAIAdapter()
        before = adapter.count_tokens(self.TALK)
        for told in (0, -5, 10**9):
            adapter.observe(self.TALK, {"prompt_tokens": told})
        assert adapter.count_tokens(self.TALK) == before

    @pytest.mark.parametrize(
        ("usage", "error", "says"),
        [
            ({"output_tokens": 5}, ValueError, "found output_tokens, expected a count of input"),
            ({}, ValueError, "usage: found nothing"),
            ({"prompt_tokens": True}, ValueError, "expected a count"),
            (None, TypeError, "usage: found a NoneType, expected what a response reports"),
            (7, TypeError, "usage: found a int"),
        ],
    )
    def test_what_is_no_usage_says_what_was_found(
        self, usage: object, error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            OpenAIAdapter().observe(self.TALK, usage)

    def test_each_adapter_learns_for_itself(self) -> None:
        one, other = OpenAIAdapter(), OpenAIAdapter()
        one.observe(self.TALK, {"prompt_tokens": 1_000})
        assert other.count_tokens(self.TALK) != 1_000


class TestOwnAdapters:
    def test_one_that_never_ran_init_counts_by_message(self) -> None:
        class Mine(ProviderAdapter):
            name = "mine"

            def __init__(self) -> None:
                self.seen = 0

            def message_tokens(self, message: Message) -> int:
                self.seen += 1
                return 7

        adapter = Mine()
        assert adapter.count_tokens([user("a"), user("b")]) == 14
        adapter.observe([user("a")], {"prompt_tokens": 14})
        assert adapter.count_tokens([user("a")]) == 14
        assert adapter.counts_by_message

    def test_one_that_counts_lists_is_asked_for_lists(self) -> None:
        class Theirs(ProviderAdapter):
            def count_tokens(self, messages: Any) -> int:
                return len(messages)

        assert not Theirs().counts_by_message
        assert Theirs().apply_cache_markers([user("a")], [0]) == [user("a")]


class TestVocabularies:
    @pytest.fixture
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """Both packages, as stand-ins that count letters and remember how they were asked."""
        asked: list[str] = []

        class Quicktok:
            @staticmethod
            def get_encoding(name: str) -> Any:
                asked.append(name)

                class Encoding:
                    @staticmethod
                    def count(text: str) -> int:
                        text.encode()
                        return len(text)

                return Encoding

        class Ctok:
            @staticmethod
            def token_count(text: str, version: str) -> int:
                asked.append(f"{version} {text}")
                return len(text) + 7

        modules: dict[str, Any] = {"quicktok": Quicktok, "ctok": Ctok}
        monkeypatch.setattr(vocabularies, "find_spec", modules.get)
        monkeypatch.setattr(vocabularies, "import_module", modules.__getitem__)
        vocabularies.forget()
        yield asked
        vocabularies.forget()

    @pytest.mark.parametrize(
        ("model", "encoding"),
        [
            ("gpt-5.5", "o200k_base"),
            ("gpt-6", "o200k_base"),
            ("openai/gpt-4o-mini", "o200k_base"),
            ("gpt-4.1", "o200k_base"),
            ("o3", "o200k_base"),
            ("gpt-4-turbo", "cl100k_base"),
            ("gpt-3.5-turbo", "cl100k_base"),
        ],
    )
    def test_openais(self, model: str, encoding: str, installed: list[str]) -> None:
        adapter = OpenAIAdapter(model)
        assert adapter.count_tokens([user("hello \ud83d!")]) == 8 + 4
        assert installed == [encoding]

    @pytest.mark.parametrize(
        ("model", "version"),
        [
            ("claude-opus-4-7", "4.7"),
            ("claude-sonnet-5-5", "5.5"),
            ("claude-opus-5", "5.0"),
            ("claude-sonnet-4-20250514", "4.0"),
            ("claude-3-5-haiku-20241022", "3.5"),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "4.5"),
        ],
    )
    def test_claudes_each_text_once(self, model: str, version: str, installed: list[str]) -> None:
        adapter = AnthropicAdapter(model)
        for _ in range(3):
            assert adapter.count_tokens([user("hello"), user("hello")]) == 2 * (5 + 4)
        assert installed == [f"{version} ", f"{version} hello"]

    @pytest.mark.parametrize("model", ["llama-3.1-8b", "gemini-3.8-flash", "claude-next", ""])
    def test_no_other_models(self, model: str, installed: list[str]) -> None:
        assert vocabularies.exact_counter(model) is None
        assert installed == []

    def test_without_the_packages_it_is_an_estimate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vocabularies, "find_spec", lambda name: None)
        assert vocabularies.exact_counter("gpt-6") is None
        assert vocabularies.exact_counter("claude-opus-5") is None
