"""Google's own SDK takes the requests that the library makes, and its answers go on."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stitcher import GeminiAdapter, PromptManager, repair
from stitcher.providers.usage import CacheUsage, cache_usage
from tests.end_to_end.gemini_server import GeminiServer, serving
from tests.end_to_end.presence import client_package
from tests.test_library_docs import ELSEWHERE, ROOT, clients_environment

pytestmark = pytest.mark.clients

TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather in a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    with serving() as server:
        yield server


@pytest.fixture
def client(server: GeminiServer) -> Iterator[Any]:
    genai = client_package("google.genai")
    client = genai.Client(api_key="test", http_options={"base_url": server.url})
    yield client
    client.close()


def test_a_conversation_with_a_tool(server: GeminiServer, client: Any) -> None:
    manager = PromptManager(
        static_system_prompt="Be brief.",
        transition_mode="agent_cycle",
        adapter=GeminiAdapter("gemini-3.8-flash"),
    )

    def ask(dynamic: str | None = None) -> Any:
        request = manager.build_request(dynamic, tools=TOOLS, max_tokens=100)
        answer = client.models.generate_content(**request)
        manager.append(answer.candidates[0].content)
        return answer

    manager.append({"role": "user", "content": "Hi"})
    assert ask("It is noon.").text == "You said: Hi"
    manager.append({"role": "user", "content": "What is the weather?"})
    (call,) = ask().function_calls
    found = {"name": call.name, "response": {"result": "Rain."}}
    manager.append({"role": "user", "parts": [{"function_response": found}]})
    assert ask("It is one.").text == "You said: a result"
    assert len(manager.long_lived_history) == 6
    first, second, third = server.bodies
    assert first["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert first["generationConfig"] == {"maxOutputTokens": 100}
    assert second["tools"][0]["functionDeclarations"][0]["name"] == "get_weather"
    signed = [part for one in third["contents"] for part in one["parts"] if "functionCall" in part]
    assert [part["thoughtSignature"] for part in signed] == ["c2lnbmVk"]
    assert third["contents"][1] == second["contents"][1], "what was said stays as it was"


def test_what_is_healed_is_taken(client: Any) -> None:
    """A call that nobody answered stops a conversation for good."""
    call = {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}
    broken: list[dict[str, Any]] = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "model", "parts": [call]},
        {"role": "user", "content": "Never mind."},
    ]
    adapter = GeminiAdapter("gemini-3.8-flash")
    with pytest.raises(ValueError, match="without its result"):
        adapter.build_request(broken)
    request = adapter.build_request(repair(broken).messages)
    assert client.models.generate_content(**request).text == "You said: Never mind."


def test_its_usage_is_observed(client: Any) -> None:
    manager = PromptManager(adapter=GeminiAdapter("gemini-3.8-flash"))
    manager.append({"role": "user", "content": "Hi. " * 500})
    answer = client.models.generate_content(**manager.build_request())
    manager.adapter.observe(manager.build_messages(), answer.usage_metadata)
    counted = manager.adapter.count_tokens(manager.build_messages())
    assert counted == pytest.approx(answer.usage_metadata.prompt_token_count, rel=0.01)


def test_the_example_of_the_page(server: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in clients_environment(server.url).items():
        monkeypatch.setenv(name, value)
    text = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (example,) = (block for block in blocks if ELSEWHERE in block)
    client_package("google.genai")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/library.md", "exec"), names)
    assert names["chat"].long_lived_history[-1]["parts"] == [{"text": "You said: Hi"}]
    names["google"].close()


def test_what_its_usage_says_of_the_cache() -> None:
    kind = client_package("google.genai").types.GenerateContentResponseUsageMetadata
    hit = kind(prompt_token_count=90, cached_content_token_count=64)
    assert cache_usage(hit.model_dump()) == CacheUsage(read=64, written=0, plain=26)
    assert cache_usage(hit.model_dump(by_alias=True)) == CacheUsage(read=64, written=0, plain=26)
    assert cache_usage(kind(prompt_token_count=90).model_dump()) is None
