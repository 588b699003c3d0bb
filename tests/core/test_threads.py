"""Whose request is it? Every carrier of an identity, and every mark of a side request."""

import json

import pytest

from stitcher.core.item import ROOT, chain
from stitcher.core.threads import MAIN, Claim, Marks, claim, opening
from tests.core.shorthand import end, item, said

UUID = "8a52c2b5-7d4a-4c1e-9f43-2f8f2a9a1a01"
HEX = "ab" * 32
ASKED = said("u hi")
ROOT_OF_ASKED = chain(ROOT, item("u hi").identity)[:12]
NOW = json.dumps({"device_id": HEX, "account_uuid": "", "session_id": UUID})
TOOLS = ("Bash", "Read")


def claimed(
    *,
    name: str | None = None,
    user_id: str | None = None,
    cache_key: str | None = None,
    **headers: str,
) -> Claim:
    """A main turn's claim. Header names with underscores for dashes."""
    marks = Marks(
        headers={key.replace("_", "-"): value for key, value in headers.items()},
        user_id=user_id,
        cache_key=cache_key,
        tool_names=TOOLS,
        marks_last_message=True,
    )
    return claim(marks, ASKED, name=name)


class TestCarriers:
    def test_nothing(self) -> None:
        assert claimed() == Claim("anonymous", "", MAIN)

    def test_a_name(self) -> None:
        assert claimed(name="notes") == Claim("named", "notes", MAIN)

    def test_claude_codes_header(self) -> None:
        found = claimed(x_claude_code_session_id=UUID)
        assert found == Claim("agent", f"claude-code-{UUID}", MAIN)

    @pytest.mark.parametrize(
        "user_id",
        [
            NOW,  # Claude Code 2.1.330
            json.dumps({"session_id": UUID}),
            f"user_{HEX}_account__session_{UUID}",  # 1.0.128 and 2.0.76
            f"user_{HEX}_account_{UUID[::-1]}_session_{UUID}",
        ],
    )
    def test_claude_codes_metadata(self, user_id: str) -> None:
        assert claimed(user_id=user_id) == Claim("agent", f"claude-code-{UUID}", MAIN)

    @pytest.mark.parametrize(
        "user_id",
        [
            "",
            "ann@example.org",
            "{",
            "{}",
            '{"session_id": ""}',
            '{"session_id": null}',
            '{"session_id": 7}',
            '{"session_id": ["a"]}',
            '{"session_id": {"a": 1}}',
            "[" * 10_000,
            '{"a":' * 100_000,
            '["session_id"]',
            "_session_x",
            "user_1_session_",
            "someone_session_x",
            "\x00\ud800",
        ],
    )
    def test_other_peoples_metadata_is_no_claim(self, user_id: str) -> None:
        assert claimed(user_id=user_id).kind == "anonymous"

    def test_the_header_counts_before_the_metadata(self) -> None:
        """Up to 2.0.76 the metadata of side requests named the new process instead."""
        found = claimed(x_claude_code_session_id="header", user_id=NOW)
        assert found.session == "claude-code-header"

    @pytest.mark.parametrize(
        ("headers", "cache_key", "session"),
        [
            ({"x_session_id": "s"}, None, "client-s"),
            ({}, "sessionid:0", "key-sessionid:0"),  # OpenClaw with supportsPromptCacheKey
            ({"x_session_id": ""}, "", ""),
        ],
    )
    def test_other_clients(
        self, headers: dict[str, str], cache_key: str | None, session: str
    ) -> None:
        found = claimed(cache_key=cache_key, **headers)
        assert found.session == session
        assert found.thread == (f"c-{ROOT_OF_ASKED}" if session else MAIN)

    def test_a_name_counts_before_everything(self) -> None:
        assert claimed(name="notes", cache_key="k") == Claim("named", "notes", MAIN)

    def test_codex_joins_a_name_with_threads_of_its_own(self) -> None:
        found = claimed(name="notes", thread_id="t", session_id="root")
        assert found == Claim("agent", "notes", "codex-root/agent-t")

    def test_claude_code_joins_a_name_with_threads_of_its_own(self) -> None:
        found = claimed(name="notes", x_claude_code_session_id=UUID)
        assert found == Claim("agent", "notes", f"claude-code-{UUID}/main")
        assert found.owns_history

    @pytest.mark.parametrize(("kind", "owns"), [("named", False), ("anonymous", False)])
    def test_only_a_client_with_an_id_manages_its_own_context(self, kind: str, owns: bool) -> None:
        assert claimed(name="n" if kind == "named" else None).owns_history is owns
        assert claimed(cache_key="k").owns_history
        assert claimed(thread_id="t").owns_history

    def test_only_an_agent_sees_to_its_own_window(self) -> None:
        """A cache key says nothing of that: what is put back for its client is kept in budget."""
        assert claimed(thread_id="t").kind == "agent"
        assert claimed(cache_key="k").kind == "client"


def thread(
    *,
    tools: tuple[str, ...] = TOOLS,
    system_start: str = "x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=cli;",
    marks_last: bool | None = True,
    asked: str = "u hi",
    **headers: str,
) -> str:
    marks = Marks(
        headers={
            "x-claude-code-session-id": UUID,
            **{f"x-claude-code-{key.replace('_', '-')}": value for key, value in headers.items()},
        },
        tool_names=tools,
        system_start=system_start,
        marks_last_message=marks_last,
    )
    return claim(marks, said(asked), name=None).thread


class TestClaudeCodesThreads:
    """clients.md 2.2 and 2.3: what was seen of 2.1.330."""

    def test_the_main_turn(self) -> None:
        assert thread() == MAIN

    def test_the_main_turn_with_prompt_caching_disabled(self) -> None:
        assert thread(marks_last=None) == MAIN

    def test_a_sub_agent(self) -> None:
        assert thread(agent_id="a1") == "agent-a1"
        assert thread(agent_id="a2", parent_agent_id="a1") == "agent-a2"

    def test_a_sub_agent_of_an_older_version(self) -> None:
        billing = "x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_is_subagent=true;"
        assert thread(system_start=billing) == f"agent-{ROOT_OF_ASKED}"

    def test_a_title(self) -> None:
        assert thread(tools=(), marks_last=None) == f"side-{ROOT_OF_ASKED}"

    def test_a_web_search(self) -> None:
        assert thread(tools=("web_search",), marks_last=None) == f"side-{ROOT_OF_ASKED}"
        assert thread(tools=("web_search", "Bash")) == MAIN

    def test_compaction_and_btw(self) -> None:
        assert thread(marks_last=False) == f"aside-{ROOT_OF_ASKED}"

    @pytest.mark.parametrize(
        "hint", ["subagent", "compaction", "auxiliary", "workflow", "side_reply"]
    )
    def test_hints(self, hint: str) -> None:
        assert thread(request_class=hint) == f"{hint}-{ROOT_OF_ASKED}"

    def test_the_hint_of_a_main_turn(self) -> None:
        assert thread(request_class="main") == MAIN

    def test_the_agents_id_counts_before_the_hint(self) -> None:
        assert thread(agent_id="a1", request_class="subagent") == "agent-a1"

    def test_two_side_requests_are_two_threads(self) -> None:
        assert thread(tools=(), asked="u one") != thread(tools=(), asked="u two")


class TestCodex:
    """0.169.0: `thread-id` is the conversation, `session-id` the root its sub-agents share."""

    @staticmethod
    def at(thread: str, root: str | None = "root", kind: str = "turn") -> Claim:
        return claimed(
            cache_key=root, thread_id=thread, x_codex_turn_metadata=f'{{"request_kind":"{kind}"}}'
        )

    def test_the_root_thread_is_the_main_one(self) -> None:
        assert self.at("root") == Claim("agent", "codex-root", MAIN)
        assert self.at("alone", root=None) == Claim("agent", "codex-alone", MAIN)

    def test_a_sub_agent_has_a_thread_of_its_own_in_the_same_session(self) -> None:
        assert self.at("other") == Claim("agent", "codex-root", "agent-other")

    def test_the_family_is_told_by_the_header_before_the_cache_key(self) -> None:
        found = claimed(thread_id="t", session_id="root", cache_key="elsewhere")
        assert (found.session, found.thread) == ("codex-root", "agent-t")

    def test_a_compaction_stands_beside_the_thread_it_sums_up(self) -> None:
        assert self.at("root", kind="compaction").thread == f"compaction-main-{ROOT_OF_ASKED}"
        assert self.at("t", kind="compaction").thread == f"compaction-agent-t-{ROOT_OF_ASKED}"

    @pytest.mark.parametrize("metadata", ["", "{", "[]", '{"request_kind":7}', "[" * 10_000])
    def test_metadata_that_cannot_be_read_says_nothing(self, metadata: str) -> None:
        found = claimed(thread_id="t", x_codex_turn_metadata=metadata)
        assert found.thread == MAIN


def test_a_clients_threads_are_told_by_their_first_message() -> None:
    marks = Marks(headers={}, cache_key="k")
    one = claim(marks, said("u one", "a ok", "u go on"), name=None)
    assert one == claim(marks, said("u one"), name=None)
    assert one.thread != claim(marks, said("u two"), name=None).thread


def test_a_request_without_messages_has_a_thread_too() -> None:
    assert claim(Marks(headers={}, cache_key="k"), [], name=None).thread == "c-empty"


class TestOpening:
    """An anonymous conversation is named after everything before its first answer."""

    def test_it_stays_the_same_as_the_conversation_grows(self) -> None:
        assert opening(said("u hi", "a hello", "u bye")) == opening(said("u hi")) == end("u hi")

    def test_it_is_all_that_was_said_before_an_answer(self) -> None:
        assert opening(said("s rules", "u hi", "u there", "a hello")) == end(
            "s rules", "u hi", "u there"
        )

    def test_nothing_was_said_before_an_answer(self) -> None:
        assert opening(said("a hello", "u hi")) == ROOT
        assert opening([]) == ROOT
