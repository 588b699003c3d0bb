"""Code written for llmbuffer runs with the import line changed; beside llmbuffer 0.3.0 itself.

The same program is run with both. Where they differ it is on purpose, and a test of its own says
so: tokens are counted with more care, and tool pairs are never parted.
"""

import copy
import json
from types import ModuleType
from typing import Any

import llmbuffer
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stitcher

Message = dict[str, Any]
BOTH = pytest.mark.parametrize("library", [llmbuffer, stitcher], ids=lambda one: one.__name__)
SYSTEM = "You are a senior software engineering assistant."


def adapter(library: Any) -> Any:
    """An adapter as both take one: subclassed, with a rule of its own."""

    class Mine(library.ProviderAdapter):  # type: ignore[misc]
        name = "mine"

        def count_tokens(self, messages: list[Message]) -> int:
            return sum(10 for _ in messages)

    return Mine()


@BOTH
def test_the_stateful_quickstart(library: Any) -> None:
    manager = library.PromptManager(
        static_system_prompt=SYSTEM,
        transition_mode="agent_cycle",
        adapter=library.AnthropicAdapter(),
        max_tokens=8_000,
    )
    manager.append({"role": "user", "content": "Hi"})
    assert manager.build_messages(dynamic_system_prompt="Docs.") == [
        {
            "role": "system",
            "content": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "system", "content": "Docs."},
        {"role": "user", "content": "Hi"},
    ]
    manager.append({"role": "assistant", "content": "Hello."})
    assert len(manager.long_lived_history) == 2


@BOTH
def test_the_stateless_quickstart(library: Any) -> None:
    functional, dumps, loads = library.functional, library.dumps, library.loads
    state = library.new_state()
    state = functional.append_message(
        state, {"role": "user", "content": "Hi"}, transition_mode="manual"
    )
    messages = functional.build_messages(
        state, static_system_prompt=SYSTEM, dynamic_system_prompt="Docs."
    )
    assert [message["content"] for message in messages] == [SYSTEM, "Docs.", "Hi"]
    state = functional.append_message(
        state, {"role": "assistant", "content": "Hello."}, transition_mode="manual"
    )
    state = functional.compact(state, max_tokens=8_000)
    assert loads(dumps(state)) == state
    assert [m["content"] for m in state["short_term"]] == ["Hi", "Hello."]


@BOTH
def test_a_transition_hook(library: Any) -> None:
    def trim(messages: list[Message]) -> list[Message]:
        result = []
        for message in messages:
            if message.get("role") == "tool":
                message = {**message, "content": message["content"][-5:]}
            result.append(message)
        return result

    manager = library.PromptManager(transition_mode="agent_cycle", transition_hook=trim)
    manager.append({"role": "user", "content": "Look"})
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    manager.append({"role": "assistant", "content": None, "tool_calls": [call]})
    manager.append({"role": "tool", "tool_call_id": "c", "content": "a long output"})
    manager.append({"role": "assistant", "content": "There."})
    assert manager.long_lived_history[2]["content"] == "utput"


@BOTH
def test_durable_context(library: Any) -> None:
    manager = library.PromptManager(
        static_system_prompt=SYSTEM,
        initial_context="The sky is blue.",
        context_key="world",
        adapter=adapter(library),
        max_tokens=40,
    )
    manager.append({"role": "user", "content": "Hi"})
    manager.append_context("It turned red.")
    manager.append({"role": "assistant", "content": "Oh."})
    manager.append({"role": "user", "content": "Bye"})
    assert [message["content"] for message in manager.build_messages()] == [
        SYSTEM,
        "The sky is blue.\n\nIt turned red.",
        "Bye",
    ]


@BOTH
def test_a_compaction_hook_and_metadata(library: Any) -> None:
    def summarise(messages: list[Message], target_tokens: int, adapter: Any) -> list[Message]:
        return [{"role": "system", "content": f"{len(messages)} messages, {target_tokens} tokens"}]

    manager = library.PromptManager(
        max_tokens=40, adapter=adapter(library), compaction_hook=summarise
    )
    for n in range(5):
        manager.append({"role": "user", "content": f"{n}"})
    messages, meta = manager.build_messages(dynamic_system_prompt="now", with_metadata=True)
    assert messages[0]["content"] == "5 messages, 20 tokens"
    assert meta == {
        "boundaries": [0],
        "prefix_message_count": 1,
        "prefix_tokens": 10,
        "suffix_tokens": 10,
        "total_tokens": 20,
    }


@BOTH
def test_compaction_for_a_request(library: Any) -> None:
    state = library.new_state()
    for n in range(9):
        state = library.functional.append_message(state, {"role": "user", "content": f"{n}"})
    state = library.functional.compact_for_request(
        state,
        request_budget=100,
        static_system_prompt=SYSTEM,
        reserved_tokens=30,
        adapter=adapter(library),
    )
    assert [message["content"] for message in state["long_lived"]] == ["6", "7", "8"]
    with pytest.raises(ValueError, match="request_budget"):
        library.functional.compact_for_request(state, 5, reserved_tokens=9)


@BOTH
def test_a_manager_goes_on_from_json(library: Any) -> None:
    manager = library.PromptManager(transition_mode="manual")
    manager.append({"role": "user", "content": "Hi"})
    again = library.PromptManager.from_json(manager.to_json(indent=2), transition_mode="manual")
    assert again.append({"role": "user", "content": "Bye"}).transition() is again
    assert [m["content"] for m in again.cache_prefix()] == ["Hi", "Bye"]


@BOTH
def test_settings_stand_first_where_they_did(library: Any) -> None:
    """0.3 took the static prompt, the mode and the budget by position as well."""
    functional = library.functional
    state = functional.append_message(
        library.new_state(), {"role": "user", "content": "Hi"}, "manual"
    )
    assert len(state["short_term"]) == 1
    assert functional.build_messages(state, SYSTEM)[0]["content"] == SYSTEM
    assert functional.compact(state, 100) == state
    assert functional.cache_prefix(state, SYSTEM) == ({"role": "system", "content": SYSTEM},)
    assert library.PromptManager(SYSTEM).build_messages()[0]["content"] == SYSTEM


def test_the_configuration_of_llmbuffer_0_1() -> None:
    """0.3 has none any more: a `PromptConfig` everywhere, compaction included."""
    from stitcher import PromptConfig, PromptManager, functional, new_state

    config = PromptConfig(
        static_system_prompt=SYSTEM, transition_mode="agent_cycle", max_tokens=8_000
    )
    manager = PromptManager(config).append({"role": "user", "content": "Hi"})
    state = functional.append_message(new_state(), {"role": "user", "content": "Hi"}, config)
    assert functional.build_messages(state, config, dynamic_system_prompt="x") == (
        manager.build_messages("x")
    )
    assert manager.config.effective_post_compaction_target == 4_000
    small = PromptConfig(max_tokens=5, adapter=adapter(stitcher))
    state = new_state()
    for n in range(4):
        state = functional.append_message(state, {"role": "user", "content": f"{n}"}, small)
    assert [m["content"] for m in state["long_lived"]] == ["3"]


@BOTH
@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda lib: lib.PromptManager().append({"content": "no role"}), ValueError),
        (lambda lib: lib.PromptManager(transition_mode="weekly"), ValueError),
        (lambda lib: lib.loads('{"version": 9}'), ValueError),
        (lambda lib: lib.functional.build_messages([]), TypeError),
        (lambda lib: lib.PromptManager(state=lib.new_state(), initial_context="x"), ValueError),
    ],
)
def test_the_same_mistakes_are_refused(library: Any, act: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        act(library)


def test_every_public_name_is_there() -> None:
    assert set(llmbuffer.__all__) <= set(stitcher.__all__)


SAY = st.builds(
    lambda role, text: {"role": role, "content": text},
    st.sampled_from(["user", "assistant"]),
    st.text("abc ", min_size=1, max_size=20),
)
ACT = st.one_of(
    st.tuples(st.just("append"), SAY),
    st.tuples(st.just("append_many"), st.lists(SAY, max_size=3)),
    st.tuples(st.just("append_context"), st.text("xyz", min_size=1, max_size=5)),
    st.tuples(st.just("transition"), st.none()),
    st.tuples(st.just("compact"), st.none()),
)


def run(library: ModuleType, settings: dict[str, Any], acts: list[Any]) -> list[Any]:
    """What an application sees, step by step."""
    manager = library.PromptManager(adapter=adapter(library), **settings)
    seen = []
    for act, of in acts:
        getattr(manager, act)(*([] if of is None else [of]))
        state = json.loads(manager.to_json().replace("_llmbuffer", "_stitcher"))
        built = manager.build_messages(dynamic_system_prompt="now", with_metadata=True)
        seen.append((state, copy.deepcopy(built), manager.cache_prefix()))
    return seen


@given(
    st.fixed_dictionaries(
        {
            "static_system_prompt": st.sampled_from(["", SYSTEM]),
            "transition_mode": st.sampled_from(["none", "manual", "agent_cycle"]),
            "initial_context": st.sampled_from([None, "blue"]),
            "dynamic_system_role": st.sampled_from(["system", "user"]),
        }
    ),
    st.lists(ACT, max_size=10),
)
def test_without_tools_and_budget_the_two_are_the_same(
    settings: dict[str, Any], acts: list[Any]
) -> None:
    assert run(stitcher, settings, acts) == run(llmbuffer, settings, acts)


def test_what_llmbuffer_got_wrong_is_right_here() -> None:
    """Its default compaction leaves a tool's result without its call, which providers refuse."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    said = [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
        {"role": "assistant", "content": "There."},
        {"role": "user", "content": "And?"},
    ]
    kept = {}
    for library in (llmbuffer, stitcher):
        manager = library.PromptManager(
            max_tokens=40, post_compaction_token_threshold=30, adapter=adapter(library)
        )
        manager.append_many(said)
        kept[library] = [str(one) for one in stitcher.repair(manager.long_lived_history).repairs]
    assert kept[llmbuffer] == [
        "messages[0]: a result of tool call 'c', which is not called or has one, was left out"
    ]
    assert kept[stitcher] == []


def test_a_state_it_saved_is_read() -> None:
    theirs = llmbuffer.PromptManager(initial_context="blue", context_key="sky")
    theirs.append({"role": "user", "content": "Hi"}).append_context("red")
    ours = stitcher.PromptManager.from_json(theirs.to_json(), context_key="sky")
    assert ours.build_messages() == theirs.build_messages()
