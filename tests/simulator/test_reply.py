from typing import Any

import pytest

from stitcher.simulator.reply import Heard, Reply, hear_messages, plan_reply

Said = tuple[str, tuple[str, ...], tuple[str, ...]]


def user(*texts: str, results: tuple[str, ...] = ()) -> Said:
    return "user", texts, results


def assistant(text: str) -> Said:
    return "assistant", (text,), ()


def hear(*messages: Said, system: str = "", schema: Any = None) -> Heard:
    return hear_messages(messages, system=system, schema=schema)


def reply_to(*messages: Said, system: str = "", schema: Any = None) -> Reply:
    return plan_reply(hear(*messages, system=system, schema=schema))


def test_the_default_reply_numbers_the_user_s_messages_and_quotes_the_newest() -> None:
    reply = reply_to(user("one"), assistant("r"), user("x" * 100))
    assert reply == Reply(f"Reply 2 to: {'x' * 60}")


@pytest.mark.parametrize("asked", ["[[first]]", "So, What Did I Say First?"])
def test_it_can_be_asked_what_was_said_first(asked: str) -> None:
    assert reply_to(user("alpha"), assistant("r"), user(asked)).text == (
        'The first thing you said was: "alpha"'
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("[[recall 2]]", 'User message 2 was: "beta"'),
        ("[[recall 9]]", "I received 3 user messages, none is number 9."),
        ("[[count]]", "I received 5 messages."),
        ("[[system]]", 'The system prompt is: "be brief"'),
        ("[[say  a b ]]", " a b "),
        ("[[empty]]", ""),
        ("[[long 3]]", "word1 word2 word3"),
        ("[[refusal]]", "I cannot help with that."),
        ("[[n]]", "Reply 3 to: [[n]]"),
    ],
)
def test_directives_decide_the_text(asked: str, said: str) -> None:
    talk = (user("alpha"), assistant("r"), user("beta"), assistant("r"), user(asked))
    assert reply_to(*talk, system="be brief").text == said


def test_a_tool_call_has_no_text_unless_told_what_to_say() -> None:
    assert reply_to(user("[[tool f]]")).text is None
    both = reply_to(user("[[tool f]][[say first]][[tool g]]"))
    assert both.text == "first"
    assert [call.name for call in both.tools] == ["f", "g"]


def test_tool_results_are_read_back() -> None:
    reply = reply_to(
        user("[[tool f]]"), assistant(""), user(results=("one",)), user(results=("2",))
    )
    assert reply == Reply("Tool said: one | 2")


def test_words_beside_tool_results_may_direct() -> None:
    newest = user("[[say so]]", results=("one",))
    assert reply_to(user("a"), assistant(""), newest).text == "so"


def test_reminders_are_neither_words_nor_messages_of_the_user() -> None:
    reminder = "<system-reminder>[[say no]]</system-reminder>"
    reply = reply_to(user(reminder, "alpha"), assistant("r"), user("[[first]]"), user(reminder))
    assert reply.text == 'The first thing you said was: "alpha"'
    talk = (user("a"), assistant("r"), user(results=("1",)), user(reminder))
    assert reply_to(*talk).text == "Tool said: 1"


def test_messages_of_the_system_at_the_end_are_passed_over() -> None:
    assert reply_to(user("[[say so]]"), ("system", ("[[say no]]",), ())).text == "so"


def test_a_compaction_is_answered_with_a_summary_whatever_the_words() -> None:
    asked = "CRITICAL: Respond with TEXT ONLY. [[say no]]"
    reply = reply_to(user("alpha"), assistant("r"), user("beta [[tool f]]\n", asked))
    assert reply == Reply("<summary>The user began with: alpha</summary>")


def test_a_schema_is_answered_with_json_whatever_the_words() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    assert reply_to(user("[[stall]]"), schema=schema) == Reply('{"title": "simulated"}')


def test_directives_set_what_is_not_text() -> None:
    reply = reply_to(user("[[think]] [[redacted]] [[usage 5]] [[gzip]] [[unicode]] [[status 429]]"))
    assert reply.thinking is not None
    assert (reply.redacted, reply.input_tokens, reply.gzip, reply.split_utf8) == (
        True,
        5,
        True,
        True,
    )
    assert (reply.fault.status, dict(reply.fault.headers)) == (429, {"retry-after": "0"})


@pytest.mark.parametrize("ending", ["failed", "incomplete"])
def test_an_answer_can_end_badly_and_be_announced(ending: str) -> None:
    reply = reply_to(user(f"[[commentary Looking]][[say Found]][[{ending}]]"))
    assert (reply.commentary, reply.text, reply.ending) == ("Looking", "Found", ending)
    assert reply_to(user("hi")).ending == "completed"
