import pytest

from stitcher.simulator.assumptions import CAREFUL, Assumptions
from stitcher.simulator.engines import engine_of, minimum_tokens


@pytest.mark.parametrize(
    ("model", "engine"),
    [
        ("gpt-6", "openai"),
        ("sim-small", "openai"),
        ("llama-3.3-70b", "openai"),
        ("deepseek-chat", "deepseek"),
        ("deepseek/deepseek-v4-pro", "deepseek"),
        ("gemini-3.8-flash", "gemini"),
        ("google/gemini-2.5-pro", "gemini"),
        ("vllm-sim", "vllm"),
        ("sglang-sim-small", "sglang"),
        ("llama-sim", "llama"),
        ("ollama-sim", "ollama"),
        (7, "openai"),
    ],
)
def test_a_model_s_name_says_who_serves_it(model: object, engine: str) -> None:
    assert engine_of(model).name == engine


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("gemini-2.5-flash", 2048),
        ("gemini-3.8-flash", 4096),
        ("models/gemini-3.1-pro", 4096),
        ("gemini-4-argon", 5000),
        ("gemini-sim", 16),
        ("deepseek-chat", 0),
        ("vllm-sim", 0),
    ],
)
def test_the_shortest_prefix_by_model(model: str, least: int) -> None:
    """Gemini API, caching page (2026-11); what it does not list is an assumption."""
    assumed = Assumptions(gemini_minimum=5000)
    assert minimum_tokens(engine_of(model), model, assumed) == least
    assert CAREFUL.gemini_minimum == 4096
