"""`stitcher integrate`: the guides name where this proxy really is."""

import json

import pytest

from stitcher.cli.guides import TARGETS
from tests.cli.conftest import Command


def test_alone_it_lists_the_clients(stitcher: Command) -> None:
    stitcher.write_config(port=9123)
    result = stitcher("integrate")
    assert result.exit_code == 0
    for target in TARGETS:
        assert f"\n{target}" in result.stdout
    assert "http://127.0.0.1:9123" in result.stdout
    listed = json.loads(stitcher("integrate", "--json").stdout)
    assert [each["target"] for each in listed] == list(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_every_guide_names_the_actual_address(stitcher: Command, target: str) -> None:
    stitcher.write_config(port=9123, host="0.0.0.0", proxy_token="hidden")
    text = stitcher("integrate", target).stdout
    assert "http://127.0.0.1:9123" in text
    assert "8081" not in text
    assert "{{" not in text
    assert "hidden" not in text
    assert ("YOUR_PROXY_TOKEN" in text) or target == "cursor"
    for part in ("# ", "## Set", "## What to expect", "## Check"):
        assert part in text
    elsewhere = stitcher("integrate", target, "--url", "https://box.example/v1/").stdout
    assert "https://box.example" in elsewhere
    assert "9123" not in elsewhere.replace("ngrok http 9123", "")
    assert "/v1/v1\n" not in elsewhere


def test_flags_count(stitcher: Command) -> None:
    text = stitcher("integrate", "openai", "--host", "::1", "--port", "7").stdout
    assert "OPENAI_BASE_URL=http://[::1]:7/v1\n" in text


def test_the_model_chosen_is_the_model_named(stitcher: Command) -> None:
    stitcher.write_config(model="gpt-4o")
    assert 'model="gpt-4o"' in stitcher("integrate", "openai").stdout
    stitcher.write_config(model="claude-haiku-5-5")
    assert 'model="claude-haiku-5-5"' in stitcher("integrate", "anthropic").stdout
    assert "claude" not in stitcher("integrate", "openai").stdout


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("claude-code", "export ANTHROPIC_BASE_URL=http://127.0.0.1:8081\n"),
        ("claude-code", "ENABLE_TOOL_SEARCH=true"),
        ("anthropic", "export ANTHROPIC_BASE_URL=http://127.0.0.1:8081\n"),
        ("openai", "export OPENAI_BASE_URL=http://127.0.0.1:8081/v1\n"),
        ("codex", 'base_url = "http://127.0.0.1:8081/v1"\n'),
        ("codex", 'openai_base_url = "http://127.0.0.1:8081/v1"\n'),
        ("vercel-ai", "openai.chat("),
        ("vercel-ai", "baseURL: 'http://127.0.0.1:8081/v1'"),
        ("langchain", 'base_url="http://127.0.0.1:8081",\n'),
        ("openclaw", '"baseUrl": "http://127.0.0.1:8081/v1"'),
        ("cursor", "cloudflared tunnel --url http://127.0.0.1:8081"),
        ("generic", "X-Stitcher-Session"),
    ],
)
def test_what_each_client_needs(stitcher: Command, target: str, line: str) -> None:
    assert line in stitcher("integrate", target).stdout


def test_a_client_without_a_guide(stitcher: Command) -> None:
    result = stitcher("integrate", "claude")
    assert result.exit_code == 2
    assert "did you mean claude-code?" in result.stderr
    assert "there are: claude-code, openclaw" in stitcher("integrate", "zzzz").stderr
    assert "--url: found 'x'" in stitcher("integrate", "codex", "--url", "x").stderr


def test_openclaws_file_is_json(stitcher: Command) -> None:
    text = stitcher("integrate", "openclaw").stdout
    providers = json.loads(text.split("```json\n")[1].split("```")[0])["models"]["providers"]
    assert providers["stitcher-openai"]["baseUrl"] == "http://127.0.0.1:8081/v1"
    assert providers["stitcher-anthropic"]["baseUrl"] == "http://127.0.0.1:8081"


def test_codexs_file_is_toml(stitcher: Command) -> None:
    import tomllib

    text = stitcher("integrate", "codex").stdout
    found = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    assert found["model_provider"] == "stitcher"
    assert found["model_providers"]["stitcher"]["wire_api"] == "responses"


@pytest.mark.parametrize("target", ["openai", "anthropic", "langchain"])
def test_the_python_lines_are_python(stitcher: Command, target: str) -> None:
    for block in stitcher("integrate", target).stdout.split("```python\n")[1:]:
        compile(block.split("```")[0], target, "exec")
