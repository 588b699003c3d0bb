"""Tokens counted by the real packages: a tokenizer with its template, and vocabularies."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stitcher import AnthropicAdapter, OpenAIAdapter, PromptManager, TransformersAdapter
from tests.end_to_end.presence import client_package

pytestmark = pytest.mark.clients

TEMPLATE = """{% for message in messages %}{% if message.role == 'system' and not loop.first %}\
{{ raise_exception('System must be first') }}{% endif %}<{{ message.role }}> {{ message.content }} \
</s> {% endfor %}"""
WORDS = ["<unk>", "</s>", "<user>", "<assistant>", "<system>", "hello", "world", "be", "brief"]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A tokenizer of a few words, made here: nothing is downloaded."""
    tokenizers = client_package("tokenizers")
    transformers = client_package("transformers")
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")
    made.chat_template = TEMPLATE
    return made


def said(*texts: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def test_the_template_counts_to_the_token(tokenizer: Any) -> None:
    adapter = TransformersAdapter(tokenizer)
    assert adapter.count_tokens(said("hello world", "hello")) == 4 + 3
    system = {"role": "system", "content": "be brief"}
    assert adapter.count_tokens([system, *said("hello")]) == 4 + 3


def test_where_the_template_refuses_the_texts_are_counted(tokenizer: Any) -> None:
    messages = [*said("hello world"), {"role": "system", "content": "be brief"}]
    assert TransformersAdapter(tokenizer).count_tokens(messages) == 2 + 2 + 2 * 4


def test_a_budget_is_kept(tokenizer: Any) -> None:
    adapter = TransformersAdapter(tokenizer)
    manager = PromptManager(adapter=adapter, max_tokens=30)
    for n, message in enumerate(said(*["hello world"] * 20)):
        manager.append(message)
        assert adapter.count_tokens(manager.long_lived_history) <= 30, n


def test_openais_vocabulary_counts_exactly() -> None:
    quicktok = client_package("quicktok")
    text = "The quick brown fox jumps over the lazy dog. 記憶 " * 20
    exact = quicktok.get_encoding("o200k_base").count(text)
    adapter = OpenAIAdapter("gpt-6")
    assert adapter.count_tokens(said(text)) == exact + 4
    assert OpenAIAdapter().count_tokens(said(text)) != exact + 4, "an estimate without a model"


_COUNT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ctok import token_count
from stitcher import AnthropicAdapter
text = "The quick brown fox jumps over the lazy dog. " * 20
found = {}
for model, version in (("claude-opus-4-6", "4.6"), ("claude-sonnet-5-5", "5.5")):
    said = [{"role": "user", "content": text}]
    exact = token_count(text, version) - token_count("", version)
    found[model] = [AnthropicAdapter(model).count_tokens(said), exact + 4]
print(json.dumps(found))
"""


def test_claudes_vocabulary_counts_exactly(tmp_path: Path) -> None:
    """`ctok` says that it wants Python 3.12, and runs on 3.11: its wheel is used as it is."""
    client_package("regex")
    for command in (
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--python-version", "3.12", "--only-binary=:all:", "-d", str(tmp_path)),
            "ctok==1.3.0",
        ],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=110)
    (wheel,) = tmp_path.glob("ctok-*.whl")
    counted = subprocess.run(
        [sys.executable, "-c", _COUNT, str(wheel)],
        check=True,
        capture_output=True,
        text=True,
        timeout=110,
    )
    for ours, exact in json.loads(counted.stdout).values():
        assert ours == exact
    assert AnthropicAdapter("claude-opus-4-6").name == "anthropic"
