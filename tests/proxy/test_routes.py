import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.proxy.routes import Kind, resolve, split_target, take_session, text_of

PREFIXES = ["", "/v1", "/v1/v1", "/v1/v1/v1", "/v1/", "//v1"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/chat/completions", "openai_chat"),
        ("/responses", "openai_responses"),
        ("/messages", "anthropic"),
    ],
)
def test_dialect_endpoint_behind_any_number_of_versions(
    prefix: str, path: str, dialect: str
) -> None:
    route = resolve("POST", prefix + path)
    assert (route.kind, route.dialect, route.path) == (Kind.DIALECT, dialect, "/v1" + path)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_counting_tokens_is_never_a_conversation(prefix: str) -> None:
    route = resolve("POST", f"{prefix}/messages/count_tokens")
    assert route.kind is Kind.COUNT_TOKENS
    assert (route.provider, route.path) == ("anthropic", "/v1/messages/count_tokens")


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/messages"])
def test_only_a_post_is_a_call_of_the_dialect(method: str, path: str) -> None:
    assert resolve(method, path).kind is Kind.RELAY


@pytest.mark.parametrize(
    ("path", "provider", "up"),
    [
        ("/v1/models", "openai", "/v1/models"),
        ("/models", "openai", "/v1/models"),
        ("/v1/v1/models", "openai", "/v1/models"),
        ("/v1/models/", "openai", "/v1/models/"),
        ("/v1/responses", "openai", "/v1/responses"),
        ("/v1/conversations", "openai", "/v1/conversations"),
        ("/responses/resp_1/cancel", "openai", "/v1/responses/resp_1/cancel"),
        ("/conversations//items", "openai", "/v1/conversations//items"),
        ("/chat/completions/chatcmpl-1", "openai", "/v1/chat/completions/chatcmpl-1"),
        ("/vector_stores", "openai", "/v1/vector_stores"),
        ("/v1/anything/else", "openai", "/v1/anything/else"),
        ("/anything/else", "openai", "/anything/else"),
        ("/v1", "openai", "/v1"),
        ("/v1/", "openai", "/v1/"),
        ("/v1/v1", "openai", "/v1"),
        ("/", "openai", "/"),
        ("/v10/models", "openai", "/v10/models"),
        ("/v1/messages/batches", "anthropic", "/v1/messages/batches"),
        ("/messages/batches/b_1/results", "anthropic", "/v1/messages/batches/b_1/results"),
        ("/v1/organizations/me", "anthropic", "/v1/organizations/me"),
        ("/v1/organization/usage", "openai", "/v1/organization/usage"),
        ("/api/hello", "anthropic", "/api/hello"),
        ("/v1/api/hello", "anthropic", "/api/hello"),
        ("/v1/chat%2Fcompletions", "openai", "/v1/chat%2Fcompletions"),
        ("/modelsx", "openai", "/modelsx"),
    ],
)
def test_passthrough_paths(path: str, provider: str, up: str) -> None:
    route = resolve("GET", path)
    assert (route.kind, route.provider, route.path) == (Kind.RELAY, provider, up)


@pytest.mark.parametrize("prefix", ["", "/v1", "/v1/v1"])
@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/responses/resp_1", ("responses", "resp_1")),
        ("DELETE", "/responses/a%2Fb%00", ("responses", "a/b\0")),
        ("GET", "/responses/resp_1/input_items", ("responses", "resp_1", "input_items")),
        ("GET", "/responses/resp_1/", ("responses", "resp_1")),
        ("POST", "/conversations", ("conversations",)),
        ("GET", "/conversations/conv_1", ("conversations", "conv_1")),
        ("POST", "/conversations/conv_1", ("conversations", "conv_1")),
        ("DELETE", "/conversations/conv_1", ("conversations", "conv_1")),
        ("POST", "/conversations/conv_1/items", ("conversations", "conv_1", "items")),
        ("GET", "/conversations/conv_1/items", ("conversations", "conv_1", "items")),
        ("GET", "/conversations/c/items/%C3%A9", ("conversations", "c", "items", "é")),
        ("DELETE", "/conversations/c/items/i", ("conversations", "c", "items", "i")),
    ],
)
def test_state_is_asked_for_by_ids(
    prefix: str, method: str, path: str, named: tuple[str, ...]
) -> None:
    route = resolve(method, prefix + path, {"x-api-key"})
    assert (route.kind, route.provider, route.named) == (Kind.STATE, "openai", named)
    assert route.path == f"/v1{path}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/responses/resp_1"),
        ("PUT", "/v1/conversations/conv_1"),
        ("HEAD", "/v1/responses/resp_1"),
        ("GET", "/v1/conversations/conv_1/items/i/more"),
        ("GET", "/v1/conversations/conv_1/parts"),
    ],
)
def test_whatever_else_is_asked_for_is_the_providers(method: str, path: str) -> None:
    assert resolve(method, path).kind is Kind.RELAY


@pytest.mark.parametrize("path", ["responses/input_tokens", "responses/compact"])
def test_a_history_to_count_or_compact_is_never_a_conversation(path: str) -> None:
    route = resolve("POST", f"/v1/v1/{path}")
    assert (route.kind, route.provider, route.path) == (
        Kind.COUNT_TOKENS,
        "openai",
        f"/v1/{path}",
    )


@pytest.mark.parametrize("header", ["anthropic-version", "anthropic-beta", "x-api-key"])
def test_headers_tell_whose_models_are_meant(header: str) -> None:
    assert resolve("GET", "/v1/models", {header, "accept"}).provider == "anthropic"


def test_own_endpoints() -> None:
    assert resolve("GET", "/healthz").kind is Kind.HEALTH
    assert resolve("GET", "/v1/stitcher/stats").kind is Kind.STATS
    assert resolve("GET", "/stitcher/stats").kind is Kind.STATS
    assert resolve("DELETE", "/v1/stitcher/sessions/a%2Fb%20%E2%9C%93").session == "a/b ✓"
    assert resolve("DELETE", "/v1/stitcher/sessions/%FF").session == "ÿ"


@pytest.mark.parametrize("path", ["/v1/stitcher", "/v1/stitcher/", "/v1/stitcher/sessions/"])
def test_nothing_below_our_prefix_goes_to_a_provider(path: str) -> None:
    assert resolve("GET", path).kind is Kind.UNKNOWN


@given(st.text(alphabet="v1/ax%", max_size=30))
def test_every_path_goes_somewhere_with_at_most_one_version(path: str) -> None:
    up = resolve("GET", "/" + path).path
    assert up.startswith("/")
    assert not up.startswith("/v1/v1/")
    assert up != "/v1/v1"


@pytest.mark.parametrize(
    ("query", "session", "rest"),
    [
        ("", None, ""),
        ("beta=true", None, "beta=true"),
        ("session=a", "a", ""),
        ("session=", None, ""),
        ("beta=true&session=a%20b+c&x=%zz", "a b c", "beta=true&x=%zz"),
        ("session=a&session=b", "a", ""),
        ("session=&session=b", "b", ""),
        ("session", None, ""),
        ("my_session=a", None, "my_session=a"),
        ("session=%2E%2E%2F%01", "../\1", ""),
        ("session=%F0%9F%A7%B5", "🧵", ""),
        ("session=%FF", "ÿ", ""),
    ],
)
def test_our_parameter_is_taken_out_of_the_query(
    query: str, session: str | None, rest: str
) -> None:
    assert take_session(query) == (session, rest)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="&"), max_size=40))
def test_a_query_without_our_parameter_stays_as_it_is(query: str) -> None:
    if query.partition("=")[0] != "session":
        assert take_session(query) == (None, query)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v1/models?a=b?c", "/v1/models", "a=b?c"),
        ("http://host:80/v1/models?a", "/v1/models", "a"),
        ("https://host", "/", ""),
        ("/a#b", "/a%23b", ""),
        ("/ü?\udcff", "/%C3%BC", "%FF"),
        ("/redirect?to=http://x", "/redirect", "to=http://x"),
    ],
)
def test_targets(target: str, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@given(st.binary())
def test_every_byte_sequence_is_text(raw: bytes) -> None:
    text_of(raw).encode("utf-8")  # neither raises
