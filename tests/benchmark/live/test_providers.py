"""The providers: each with an address, a key of its own, and a model whose price is known."""

import pytest

from stitcher.benchmark.live.providers import PROVIDERS, Provider
from stitcher.benchmark.workloads import script
from stitcher.providers.caching import cache_rules
from stitcher.providers.price_table import PRICES

PAID = [one for one in PROVIDERS.values() if one.key_name is not None]


@pytest.mark.parametrize("provider", PAID, ids=lambda one: one.name)
def test_who_asks_for_money_has_a_key_and_a_known_price(provider: Provider) -> None:
    assert provider.base_url.startswith("https://")
    assert provider.key_name == f"{provider.name.upper()}_API_KEY"
    assert provider.model in PRICES


@pytest.mark.parametrize("name", ["anthropic", "openai", "deepseek"])
def test_the_usual_model_caches_the_usual_workload(name: str) -> None:
    head = script().conversations[0].head.tokens
    assert cache_rules(PROVIDERS[name].model or "").minimum < head


def test_the_key_goes_where_each_wants_it() -> None:
    assert PROVIDERS["anthropic"].headers("k") == {
        "x-api-key": "k",
        "anthropic-version": "2023-06-01",
    }
    assert PROVIDERS["gemini"].headers("k") == {"Authorization": "Bearer k"}


def test_nobody_is_paid_for_ollama_whatever_its_model_is_called() -> None:
    assert PROVIDERS["openai"].price("gpt-4.1", 0.0) == PRICES["gpt-4.1"][0].price
    assert PROVIDERS["openai"].price("unheard-of", 0.0) is None
    assert PROVIDERS["ollama"].price("deepseek-v4-flash", 0.0) is None


def test_ollama_is_on_this_machine_and_wants_none() -> None:
    ollama = PROVIDERS["ollama"]
    assert (ollama.key_name, ollama.model) == (None, None)
    assert ollama.base_url == "http://127.0.0.1:11434/v1"
