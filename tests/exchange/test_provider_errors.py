"""A provider that fails before, during and after its answer; and the two things we try again."""

import json
from itertools import pairwise

import pytest

from stitcher.errors import UpstreamError, UpstreamTimeout
from tests.exchange.conftest import OpenDialogue
from tests.exchange.dialogue import Client, Dialogue
from tests.exchange.messages import user
from tests.exchange.provider import Step

SMALL = {
    "openai_chat": "sim-ctx-900",
    "openai_responses": "sim-ctx-900",
    "anthropic": "claude-sim-ctx-900",
}


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_an_error_goes_back_unchanged(client: Client, status: int) -> None:
    client.says("one")
    client.talk.provider.then(Step(status=status, headers=[("retry-after", "7")]))
    reply = client.says("two")
    assert reply.status == status
    assert reply.headers["retry-after"] == "7"
    assert "error" in reply.json
    assert client.talk.log("s").said == ["user: one", "assistant: Reply 1 to: one"]


@pytest.mark.parametrize("error", [UpstreamError("refused"), UpstreamTimeout("too slow")])
def test_no_answer_at_all(client: Client, error: UpstreamError) -> None:
    client.says("one")
    client.talk.provider.then(Step(error=error))
    reply = client.says("two")
    assert reply.error is error
    assert not reply.started
    client.says("three")
    assert client.saw()[-1] == "user: three"
    assert "user: two" not in client.saw()


def test_garbage_with_200_goes_to_the_client_as_it_is(client: Client) -> None:
    client.talk.provider.then(Step(body=b"<html>\xff</html>"))
    reply = client.says("one")
    assert (reply.status, reply.body) == (200, b"<html>\xff</html>")
    client.says("two")
    assert client.saw() == ["user: two"]


ODD_DOCUMENTS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"choices":[]}',
    b'{"choices":{}}',
    b'{"choices":[5]}',
    b'{"choices":[{"message":null}]}',
    b'{"choices":[{"message":{}}],"usage":"x"}',
    b'{"choices":[{"message":{"role":"martian"}}]}',
    b'{"choices":[{"message":{"role":"assistant","content":5}}]}',
    b'{"content":null}',
    b'{"content":[5]}',
    b'{"content":[{"type":"text"}]}',
    b'{"content":[],"usage":[]}',
    b'{"usage":5}',
    b'{"output":null}',
    b'{"output":[5]}',
    b'{"output":[{"type":"reasoning","summary":[]}],"status":"completed"}',
    b'{"id":5,"output":[{"role":"martian","content":"x"}]}',
    b'{"id":"r","status":"failed","output":[],"error":{"code":"server_error"}}',
]

ODD_EVENTS = [
    b"data: \n\n",
    b": ping\n\n",
    b"\r\r\n\n\n",
    b"\xff\xfe\n\n",
    b"data: \xff\n\n",
    b"data: null\n\n",
    b"data: [" + b"[" * 100_000 + b"\n\n",
    b"event: error\ndata: {}\n\n",
    b'data: {"choices":5}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[5]}}]}\n\n',
    b'data: {"choices":[{"index":"x","delta":{"content":{"a":1}}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":5}}],"usage":{"prompt_tokens":"x"}}\n\n',
    b'data: {"type":"content_block_delta","index":"x","delta":5}\n\n',
    b'data: {"type":"content_block_delta","index":0,"delta":{"text":5}}\n\n',
    b'data: {"type":"message_delta","usage":{"input_tokens":"many"}}\n\n',
    b'data: {"type":"response.output_item.done","output_index":"x","item":5}\n\n',
    b'data: {"type":"response.output_text.delta","delta":{"text":5}}\n\n',
    b'data: {"type":"response.in_progress","response":5}\n\n',
    b'data: {"type":"response.a_new_event","response":{"id":[]}}\n\n',
]


@pytest.mark.parametrize("body", ODD_DOCUMENTS)
def test_any_json_with_200_goes_to_the_client_as_it_is(client: Client, body: bytes) -> None:
    client.talk.provider.then(Step(body=body))
    reply = client.says("one")
    assert (reply.status, reply.body, reply.error) == (200, body, None)
    client.says("two")
    assert client.saw()[-1] == "user: two"


@pytest.mark.parametrize("event", ODD_EVENTS)
def test_a_strange_event_in_a_stream_passes(client: Client, event: bytes) -> None:
    client.stream = True
    client.talk.provider.then(Step(insert={2: event}))
    reply = client.says("one")
    assert reply.error is None
    assert event in reply.body
    assert reply.finished
    client.says("two")
    assert client.saw()[-1] == "user: two"


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_chunks_may_be_cut_anywhere(client: Client, size: int) -> None:
    client.stream = True
    client.says("one [[unicode]]")
    whole = client.talk.log("s").said[-1]
    client.session = "other"
    client.talk.provider.then(Step(chunk_size=size))
    client.says("one [[unicode]]")
    assert client.talk.log("other").said[-1] == whole


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("ends", ["breaks", "closes"])
def test_a_stream_that_stops_early(client: Client, ends: str, after: int) -> None:
    client.stream = True
    client.says("one")
    step = Step(cut_after=after) if ends == "breaks" else Step(close_after=after)
    client.talk.provider.then(step)
    reply = client.says("two [[long 30]]")
    assert isinstance(reply.error, UpstreamError) == (ends == "breaks")
    assert len(reply.chunks) == after
    client.says("two [[long 30]]")
    assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two [[long 30]]"]


def test_a_json_answer_that_stops_early(client: Client) -> None:
    client.says("one")
    client.talk.provider.then(Step(chunk_size=20, cut_after=3))
    reply = client.says("two")
    assert isinstance(reply.error, UpstreamError)
    assert not reply.started
    client.says("two")
    assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]


def test_an_error_event_in_the_middle(client: Client) -> None:
    client.stream = True
    client.says("one")
    event = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
    client.talk.provider.then(Step(insert={4: event}, close_after=5))
    reply = client.says("two [[long 30]]")
    assert event in reply.body
    assert client.talk.log("s").turns[-1].status == "cut"


class TestTooLong:
    def test_one_harder_cut_and_one_retry(self, client: Client) -> None:
        client.extra["model"] = SMALL[client.dialect]
        for n in range(9):
            reply = client.says(f"m{n} [[long 60]]")
            assert reply.status == 200
        refused = [seen.refusal is not None for seen in client.talk.provider.seen]
        assert any(refused)
        assert not any(a and b for a, b in pairwise(refused))
        client.talk.refusals_expected = sum(refused)
        assert "compacted" in client.talk.log("s").kinds

    def test_if_that_fails_the_error_is_the_providers_own(self, client: Client) -> None:
        for n in range(8):
            client.says(f"m{n} [[long 60]]")
        error = {
            "openai_chat": "This model's maximum context length is 10 tokens.",
            "openai_responses": "This model's maximum context length is 10 tokens.",
            "anthropic": "prompt is too long: 20 tokens > 10 maximum",
        }[client.dialect]
        client.talk.provider.then(*[Step(status=400, message=error)] * 5)
        before = len(client.talk.provider.seen)
        reply = client.says("last")
        assert reply.status == 400
        assert error in reply.body.decode()
        assert len(client.talk.provider.seen) == before + 2

    def test_what_the_client_sent_itself_is_its_own_affair(self, client: Client) -> None:
        client.extra["model"] = SMALL[client.dialect]
        with client.talk.refusing("the client's own history is longer than the window"):
            reply = client.sends([user("x " * 5_000)])
        assert reply.status == 400
        assert len(client.talk.provider.seen) == 1

    def test_a_log_that_fails_meanwhile(self, client: Client) -> None:
        from stitcher.errors import StoreError

        for n in range(8):
            client.says(f"m{n} [[long 60]]")
        error = "maximum context length, prompt is too long"
        client.talk.provider.then(Step(status=400, message=error))
        append = client.talk.store.append

        async def failing(key: object, lines: object) -> None:
            if len(client.talk.provider.seen) == 9:
                raise StoreError("the disk is full")
            await append(key, lines)  # type: ignore[arg-type]

        client.talk.store.append = failing  # type: ignore[method-assign]
        reply = client.says("last")
        assert reply.status == 400
        assert reply.error is None


class TestUsage:
    """A stream whose client does not ask for its usage is asked for it, and never shows it."""

    @pytest.fixture
    def streaming(self, talk: Dialogue) -> Client:
        return talk.client(session="s", stream=True)

    def test_it_is_asked_for_and_hidden(self, streaming: Client) -> None:
        reply = streaming.says("one")
        assert streaming.talk.provider.last.json["stream_options"] == {"include_usage": True}
        assert b'"usage"' not in reply.body or b'"usage":null' in reply.body
        assert b'"choices":[]' not in reply.body
        turn = streaming.talk.log("s").turns[-1]
        assert b"prompt_tokens" in (turn.usage or b"")

    def test_a_client_that_asks_sees_it(self, streaming: Client) -> None:
        reply = streaming.says("one", stream_options={"include_usage": True})
        assert b'"choices":[]' in reply.body
        assert streaming.talk.provider.last.untouched

    def test_no_usage_leaves_the_request_alone(self, opened: OpenDialogue) -> None:
        client = opened(ask_usage=False).client(session="s", stream=True)
        client.says("one")
        assert client.talk.provider.last.untouched

    def test_a_server_that_refuses_it_is_asked_once_and_never_again(
        self, streaming: Client
    ) -> None:
        streaming.talk.provider.then(Step(status=400, message="unknown field: stream_options"))
        reply = streaming.says("one")
        assert reply.status == 200
        assert "stream_options" not in streaming.talk.provider.last.json
        streaming.says("two")
        assert "stream_options" not in streaming.talk.provider.last.json
        assert len(streaming.talk.provider.seen) == 3


class TestChoices:
    def test_the_first_choice_is_the_path_and_the_others_stay_in_the_log(
        self, talk: Dialogue
    ) -> None:
        client = talk.client(session="s")
        talk.provider.then(Step(body=_choices("A", "B", "B", "C")))
        client.says("one", n=4)
        client.says("two")
        assert client.saw() == ["user: one", "assistant: A", "user: two"]
        assert {"assistant: B", "assistant: C"} <= set(talk.log("s").everything)
        assert talk.log("s").kinds.count("message") == 6  # one, A, B, C, two and its answer

    def test_a_client_may_go_on_with_another(self, talk: Dialogue) -> None:
        client = talk.client(session="s")
        talk.provider.then(Step(body=_choices("A", "B")))
        client.says("one", n=2)
        client.sends([user("one"), {"role": "assistant", "content": "B"}, user("two")])
        client.says("three")
        assert client.saw()[:2] == ["user: one", "assistant: B"]
        assert talk.log("s").kinds.count("message") == 3 + 2 + 2

    def test_in_a_stream(self, talk: Dialogue) -> None:
        client = talk.client(session="s", stream=True)
        client.says("one", n=2)
        client.says("two")
        assert client.saw() == ["user: one", "assistant: Reply 1 to: one", "user: two"]


def _choices(*texts: str) -> bytes:
    choices = [
        {
            "index": n,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        for n, text in enumerate(texts)
    ]
    return json.dumps({"id": "c", "object": "chat.completion", "choices": choices}).encode()


class TestObserve:
    def test_it_stores_and_forwards_unchanged(self, client: Client) -> None:
        client.says("one")
        client.mode = "observe"
        reply = client.says("two")
        assert client.talk.provider.last.untouched
        assert client.saw() == ["user: two"]
        assert reply.restored == 2
        assert reply.said == "observe; stitched"
        client.mode = "stitch"
        client.says("three")
        assert len(client.saw()) == 5

    def test_it_asks_for_nothing(self, talk: Dialogue) -> None:
        client = talk.client(session="s", stream=True, mode="observe")
        client.says("one")
        assert talk.provider.last.untouched


class TestPutRight:
    """First-sent bytes win, but not where no provider takes them: then the client's own do."""

    REFUSED = Step(status=400, message="Unknown parameter: future")

    @pytest.mark.parametrize("session", ["s", None])
    @pytest.mark.parametrize("turns", [0, 1])
    def test_a_message_that_was_refused(
        self, talk: Dialogue, dialect: str, session: str | None, turns: int
    ) -> None:
        client = talk.client(dialect, session=session)
        for n in range(turns):
            client.resends(f"m{n}")
        before = client.history
        talk.provider.then(self.REFUSED, self.REFUSED)
        client.sends([*before, {**user("one"), "future": 1}])
        reply = client.sends([*before, user("one")])
        assert reply.status == 200
        assert [b"future" in seen.body for seen in talk.provider.seen[turns:]] == [
            True,
            True,  # it goes out as it did,
            False,  # and then as it is,
        ]
        client.sends([*before, user("one"), client.answer_in(reply), user("two")])
        assert len(talk.provider.seen) == turns + 4, "from then on at once"
        assert talk.provider.last.untouched

    def test_an_answer_replayed_with_a_field_too_many(self, client: Client) -> None:
        """As litellm 1.106 dumps one back; the client leaves the field out when it is told."""
        answer = client.answer_in(client.says("one"))
        spoilt = [{**item, "future": 1} for item in answer.get("items", [answer])]
        client.talk.provider.then(self.REFUSED, self.REFUSED)
        client.sends([user("one"), *spoilt, user("two")])
        reply = client.sends([user("one"), answer, user("two")])
        assert (reply.status, len(client.talk.provider.seen)) == (200, 4)
        client.says("three")
        assert b"future" not in client.talk.provider.last.body
        assert len(client.saw()) == 5

    def test_over_a_restart(self, client: Client) -> None:
        client.talk.provider.then(self.REFUSED, self.REFUSED)
        client.sends([{**user("one"), "future": 1}])
        client.says("one")
        client.talk.restart()
        client.says("two")
        assert b"future" not in client.talk.provider.last.body

    def test_what_is_wrong_with_the_clients_own_comes_back(self, client: Client) -> None:
        client.talk.provider.then(self.REFUSED, *[Step(status=400, message="Unknown: past")] * 5)
        client.sends([{**user("one"), "future": 1}])
        reply = client.sends([{**user("one"), "past": 1}])
        assert (reply.status, len(client.talk.provider.seen)) == (400, 3)
        assert b"past" in reply.body
        assert client.talk.provider.last.untouched

    @pytest.mark.parametrize("status", [401, 429, 500])
    def test_other_failures_change_nothing(self, client: Client, status: int) -> None:
        """The prefix moves only where it may be to blame."""
        client.talk.provider.then(self.REFUSED, Step(status=status))
        client.sends([{**user("one"), "future": 1}])
        assert client.says("one").status == status
        assert len(client.talk.provider.seen) == 2
        assert "settled" not in client.talk.log("s").kinds
