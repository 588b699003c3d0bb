"""Thinking, for the library: it goes back under the prompt it was thought under, or not at all.

The simulated provider signs what it thinks with all that stood before, as Claude 5.5 does, and
refuses it where that has changed. Seen to fail: with thinking left in the current turn by a
compaction, in a turn that a hook has shortened, behind tools or a system prompt that have changed;
with nothing said in the state of what was thought under which context; with reasoning of the
Responses API left behind by a cut, or taken without the call it led to.
"""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher import (
    AnthropicAdapter,
    OpenAIResponsesAdapter,
    PromptManager,
    drop_tool_messages_transition_hook,
    summarise,
    trim,
    trim_tool_outputs,
)
from stitcher.simulator import rules_anthropic, rules_openai_responses
from stitcher.simulator.sealed_content import seal
from stitcher.simulator.thinking_signature import digest_of_all, sign
from tests.prompt.speech import TOOLS, Message, calls, results, user

BINDING = "claude-sonnet-5-5"
WORDS = "word\n" * 12


@dataclass(frozen=True)
class Asked:
    """One request: what is done before it, what it says beside the history, and its answer."""

    context: str | None
    done: str  # before it
    calls: bool  # its answer calls a tool
    tools: int  # which of two sets it has


ASKED = st.builds(
    Asked,
    st.sampled_from([None, None, "It is noon.", "It is one."]),
    st.sampled_from(["", "", "", "transition", "compact", "context", "reload", "system prompt"]),
    st.booleans(),
    st.sampled_from([0, 0, 0, 1]),
)
HOOK = st.sampled_from([None, trim_tool_outputs(3), drop_tool_messages_transition_hook])
COMPACTION = st.sampled_from([None, summarise(lambda messages: "They talked.")])
SETS = (TOOLS["anthropic"], [{**TOOLS["anthropic"][0], "description": "Looks."}])


def thinking(body: Message) -> Message:
    """What the provider thinks when it is asked this."""
    return {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.", digest_of_all(body))}


def answer(body: Message, n: int, open_call: str) -> Message:
    """What it answers then: it calls a tool, or says something."""
    said = calls([open_call], "anthropic")[0]["content"] if open_call else []
    said = said or [{"type": "text", "text": f"Answer {n}."}]
    return {"role": "assistant", "content": [thinking(body), *said]}


def thoughts(body: Message) -> int:
    return json.dumps(body["messages"]).count('"signature"')


def done(manager: PromptManager, what: str, n: int) -> PromptManager:
    """The manager after what an application may do between two requests."""
    match what:
        case "transition":
            manager.transition()
        case "compact":
            manager.compact_for_request(400)
        case "context":
            manager.append_context(f"The sky is blue {n}.", "sky")
        case "system prompt":
            manager.static_system_prompt = f"Be brief {n}."
        case "reload":
            return PromptManager.from_json(manager.to_json(), manager.config)
    return manager


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["none", "manual", "agent_cycle"]),
    st.sampled_from(["fixed", "priced"]),
    HOOK,
    COMPACTION,
    st.none() | st.integers(60, 300),
    st.lists(ASKED, min_size=1, max_size=12),
)
def test_what_was_thought_is_never_refused(
    mode: Any, placement: Any, hook: Any, compaction: Any, budget: int | None, asked: list[Asked]
) -> None:
    manager = PromptManager(
        static_system_prompt="Be brief.",
        transition_mode=mode,
        transition_hook=hook,
        compaction_hook=compaction,
        adapter=AnthropicAdapter(BINDING),
        max_tokens=budget,
        dynamic_placement=placement,
    )
    open_call = ""
    for n, one in enumerate(asked):
        if open_call:
            manager.append_many(results([open_call], "anthropic", WORDS))
        else:
            manager.append(user(f"Question {n}."))
        manager = done(manager, one.done, n)
        request = manager.build_request(one.context, tools=SETS[one.tools])
        body = json.loads(json.dumps(request))
        assert rules_anthropic.check(body) is None
        open_call = f"call_{n}" if one.calls else ""
        manager.append(answer(body, n, open_call))


@given(st.sampled_from(["none", "manual", "agent_cycle"]), st.lists(st.booleans(), max_size=8))
def test_all_of_it_goes_back_while_nothing_changes(mode: Any, tools: list[bool]) -> None:
    manager = PromptManager(transition_mode=mode, adapter=AnthropicAdapter(BINDING))
    open_call = ""
    for n, calls_one in enumerate(tools):
        what = results([open_call], "anthropic") if open_call else [user(f"Question {n}.")]
        manager.append_many(what)
        manager = done(manager, "reload", n)
        body = json.loads(json.dumps(manager.build_request(tools=SETS[0])))
        assert rules_anthropic.check(body) is None
        assert thoughts(body) == n
        open_call = f"call_{n}" if calls_one else ""
        manager.append(answer(body, n, open_call))


@given(st.lists(st.booleans(), max_size=12), st.integers(60, 400), st.floats(0, 1))
def test_a_list_that_is_trimmed_says_what_was_thought_since_it_was_cut(
    tools: list[bool], budget: int, keep: float
) -> None:
    adapter = AnthropicAdapter(BINDING)
    whole: list[Message] = [{"role": "system", "content": "Be brief."}]
    before: list[Message] = []
    open_call = ""
    for n, calls_one in enumerate(tools):
        whole += results([open_call], "anthropic") if open_call else [user(f"Question {n}.")]
        kept = trim(whole, budget, keep=keep, adapter=adapter)
        body = json.loads(json.dumps(adapter.build_request(kept, tools=SETS[0])))
        assert rules_anthropic.check(body) is None
        grows = kept[: len(before)] == before
        assert grows or not open_call, "nothing is cut inside a tool loop"
        assert not grows or thoughts({"messages": kept}) >= thoughts({"messages": before})
        before = kept
        open_call = f"call_{n}" if calls_one else ""
        whole.append(answer(body, n, open_call))


def reasoned(n: int, open_call: str) -> list[Message]:
    """An answer of the Responses API, its ids the provider's."""
    sealed = seal(f"rs_{n}", "Hm.")
    thought = {"type": "reasoning", "id": f"rs_{n}", "summary": [], "encrypted_content": sealed}
    if open_call:
        (call,) = calls([open_call], "openai_responses")
        return [thought, {**call, "id": f"fc_{n}"}]
    text = {"type": "output_text", "text": f"Answer {n}.", "annotations": []}
    return [
        thought,
        {"type": "message", "id": f"msg_{n}", "role": "assistant", "content": [text]},
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["none", "manual", "agent_cycle"]),
    HOOK,
    st.none() | st.integers(40, 300),
    st.lists(ASKED, min_size=1, max_size=12),
)
def test_reasoning_goes_with_what_it_led_to(
    mode: Any, hook: Any, budget: int | None, asked: list[Asked]
) -> None:
    """ "Item 'fc_1' was provided without its required 'reasoning' item", OpenAI says else."""
    manager = PromptManager(
        transition_mode=mode,
        transition_hook=hook,
        adapter=OpenAIResponsesAdapter("gpt-6"),
        max_tokens=budget,
    )
    open_call = ""
    for n, one in enumerate(asked):
        if open_call:
            manager.append_many(results([open_call], "openai_responses", WORDS))
        else:
            manager.append(user(f"Question {n}."))
        manager = done(manager, one.done, n)
        request = manager.build_request(one.context, tools=TOOLS["openai_responses"])
        body = json.loads(json.dumps(request))
        assert rules_openai_responses.check(body) is None
        items = body["input"]
        for at, item in enumerate(items):
            if str(item.get("id", "")).startswith(("fc_", "msg_")):
                assert items[at - 1]["type"] == "reasoning", "with its own before it"
                assert items[at - 1]["id"].partition("_")[2] == item["id"].partition("_")[2]
            if item.get("type") == "reasoning":
                assert items[at + 1]["id"].partition("_")[2] == item["id"].partition("_")[2]
        open_call = f"call_{n}" if one.calls else ""
        manager.append_many(reasoned(n, open_call))


def test_what_other_models_thought_stays() -> None:
    """A provider that does not ask for it decides itself what of it is shown."""
    manager = PromptManager(adapter=AnthropicAdapter("claude-opus-4-8"), max_tokens=90)
    for n in range(8):
        manager.append(user(f"Question {n}.")).build_request("It is noon.", tools=SETS[0])
        thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
        said = {"type": "text", "text": f"Answer {n}."}
        manager.append({"role": "assistant", "content": [thought, said]})
    history = manager.long_lived_history
    assert 0 < len(history) < 16
    assert thoughts({"messages": history}) == len(history) // 2
