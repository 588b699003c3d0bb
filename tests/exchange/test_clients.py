"""What particular clients do, in the shapes they were seen to send (versions in each test)."""

import json
from typing import Any

import pytest

from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import Message, assistant, tools, user

SESSION = "5f0e8f5c-0000-4000-8000-000000000001"
NAME = f"claude-code-{SESSION}"
MARK = {"type": "ephemeral"}


class ClaudeCode:
    """Claude Code 2.1.330: whole history, three breakpoints, the last one moving."""

    def __init__(self, talk: Dialogue, *, stream: bool = False) -> None:
        self.talk = talk
        self.client = talk.client(
            "anthropic", stream=stream, headers=[("X-Claude-Code-Session-Id", SESSION)]
        )
        self.history: list[Message] = []
        self.turn = 0

    def asks(self, text: str, *after: Message, leaves_at: int | None = None) -> Any:
        self.turn += 1
        self.history += [user(text), *after]
        reply = self.sends(self.history, leaves_at=leaves_at)
        if reply.finished:
            self.history.append(self.client.answer_in(reply))
        return reply

    def sends(self, messages: list[Message], **extra: Any) -> Any:
        marked = [dict(message) for message in messages]
        last = marked[-1]
        if isinstance(last["content"], str):
            block = {"type": "text", "text": last["content"], "cache_control": MARK}
            last["content"] = [block]
        return self.client.sends(marked, **self.head(), **extra)

    def head(self) -> dict[str, Any]:
        billing = f"x-anthropic-billing-header: cc_version=2.1.330.{self.turn:03x}; cch=1;"
        long = {"type": "text", "text": "You are an agent.", "cache_control": MARK}
        return {
            "system": [{"type": "text", "text": billing}, long],
            "tools": tools("anthropic", "Bash", "Read"),
            "metadata": {"user_id": json.dumps({"session_id": SESSION})},
        }


@pytest.fixture
def claude(talk: Dialogue) -> ClaudeCode:
    return ClaudeCode(talk)


REMINDER: Message = {"role": "system", "content": "The date is today."}


class TestClaudeCode:
    def test_turns_pass_untouched_and_stand_once(self, claude: ClaudeCode) -> None:
        """The breakpoint leaves a message, which becomes a string; the billing block changes."""
        claude.asks("one", REMINDER)
        for text in ("two", "three"):
            claude.asks(text)
            assert claude.talk.provider.last.untouched
        log = claude.talk.log(NAME)
        assert log.kinds.count("message") == 7
        assert log.kinds.count("head") == 1
        assert not {"rewound", "rebased"} & set(log.kinds)

    def test_after_a_restart(self, claude: ClaudeCode) -> None:
        claude.asks("one", REMINDER)
        claude.talk.restart()
        claude.asks("two")
        assert claude.talk.log(NAME).kinds.count("message") == 5

    def test_system_messages_are_appended_in_between_and_last(self, claude: ClaudeCode) -> None:
        claude.asks("one", REMINDER)
        claude.asks("two", {"role": "system", "content": "The model was switched."})
        claude.asks("three")
        assert claude.talk.provider.last.untouched
        assert [line.split(":")[0] for line in claude.talk.log(NAME).said] == [
            "user",
            "system",
            "assistant",
            "user",
            "system",
            "assistant",
            "user",
            "assistant",
        ]

    def test_a_title_on_the_same_session_stays_apart(self, claude: ClaudeCode) -> None:
        claude.client.sends([user("<session>one</session>")], tools=None)
        claude.asks("one", REMINDER)
        claude.asks("two")
        assert "user: <session>one</session>" not in claude.talk.log(NAME).said
        assert claude.talk.provider.last.untouched

    def test_so_do_compaction_and_questions_by_the_way(self, claude: ClaudeCode) -> None:
        claude.asks("one", REMINDER)
        claude.asks("two")
        for text in ("CRITICAL: Respond with TEXT ONLY. Summarise.", "btw, what is this?"):
            asked = [dict(message) for message in claude.history]
            content = [dict(block) for block in asked[-1]["content"]]
            content[-1]["cache_control"] = MARK
            asked[-1]["content"] = content
            claude.client.sends([*asked, user(text)], **claude.head())
            assert claude.talk.provider.last.untouched
        claude.asks("three")
        log = claude.talk.log(NAME)
        assert log.said.count("user: three") == 1
        assert not any("TEXT ONLY" in line or "btw" in line for line in log.said)
        of_main = {
            type(entry).__name__
            for entry in log.written
            if getattr(entry, "thread", None) == "main"
        }
        assert not {"Rewound", "Rebased"} & of_main

    def test_so_do_sub_agents(self, claude: ClaudeCode) -> None:
        claude.asks("one", REMINDER)
        agent = claude.talk.client(
            "anthropic", headers=[*claude.client.headers, ("x-claude-code-agent-id", "a1")]
        )
        agent.resends("explore", system="You explore.")
        claude.asks("two")
        agent.resends("go on", system="You explore.")
        assert agent.talk.provider.last.untouched
        log = claude.talk.log(NAME)
        assert not any("explore" in line for line in log.said)
        assert len(log.path("agent-a1")) == 4

    def test_the_first_request_after_its_compaction_is_the_path_now(
        self, claude: ClaudeCode
    ) -> None:
        claude.asks("one", REMINDER)
        claude.asks("two")
        claude.history = []
        claude.asks("This session is being continued from a previous conversation.", REMINDER)
        assert claude.talk.provider.last.untouched
        log = claude.talk.log(NAME)
        assert log.said[0].startswith("user: This session is being continued")
        assert "user: one" in log.everything

    def test_an_interrupted_answer_is_kept_by_its_partial_text(self, talk: Dialogue) -> None:
        claude = ClaudeCode(talk, stream=True)
        claude.asks("one", REMINDER)
        claude.asks("two [[long 40]]", leaves_at=9)
        claude.history.append(talk.log(NAME).path()[-1])
        claude.asks("[Request interrupted by user]\nthree")
        assert talk.provider.last.untouched
        log = talk.log(NAME)
        assert log.kinds.count("message") == 7
        assert not {"rewound", "rebased"} & set(log.kinds)

    def test_an_interrupted_answer_of_which_the_client_saw_less(self, talk: Dialogue) -> None:
        claude = ClaudeCode(talk, stream=True)
        claude.asks("one", REMINDER)
        claude.asks("two [[long 40]]", leaves_at=9)
        claude.history.append(assistant("word1"))
        claude.asks("[Request interrupted by user]\nthree")
        assert talk.provider.last.untouched
        assert talk.log(NAME).said[4] == "assistant: word1"

    def test_an_empty_answer_is_asked_again_with_a_block_added(self, claude: ClaudeCode) -> None:
        claude.asks("one", REMINDER)
        claude.sends([*claude.history, user("two [[empty]]")])
        again = [
            {"type": "text", "text": "two\n"},
            {"type": "text", "text": "[Your previous response had no visible output.]"},
        ]
        claude.sends([*claude.history, {"role": "user", "content": again}])
        claude.sends(
            [
                *claude.history,
                {"role": "user", "content": again},
                assistant("No response requested."),
                user("three"),
            ]
        )
        assert claude.talk.provider.last.untouched
        said = claude.talk.log(NAME).said
        assert said[-3:-1] == ["assistant: No response requested.", "user: three"]

    def test_a_session_of_an_old_version_is_read_from_the_user_id(self, talk: Dialogue) -> None:
        client = talk.client(
            "anthropic",
            extra={
                "metadata": {"user_id": f"user_{'a' * 64}_account__session_{SESSION}"},
                "tools": tools("anthropic", "Bash"),
            },
        )
        assert client.resends("one").session == NAME

    def test_beside_a_thin_client_on_one_name(self, claude: ClaudeCode) -> None:
        claude.client.session = "shared"
        claude.asks("one", REMINDER)
        thin = claude.talk.client("anthropic", session="shared")
        thin.says("two")
        assert thin.saw() == ["user: two"]
        claude.asks("three")
        assert claude.talk.provider.last.untouched
