"""Dialogues over the Responses WebSocket: frames in, events out, and what the connection knows."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import openai
import pytest

from stitcher.simulator.serve import Fault, SimulatorThread

KEY = {"authorization": "Bearer key"}
ENDINGS = ("response.completed", "response.incomplete", "response.failed", "error")
Event = dict[str, Any]


class Dropped(Exception):
    """The connection ended; `events` is what came before."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(f"dropped after {len(events)} events")
        self.events = events


class Socket:
    """A client's side of one connection."""

    def __init__(self, sim: SimulatorThread, headers: dict[str, str] | None = None) -> None:
        self._url = f"{sim.url}/v1/responses"
        self._headers = KEY if headers is None else headers
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        try:
            self._runner.run(self._connect())
        except aiohttp.WSServerHandshakeError:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self._socket.close()
        await self._session.close()

    async def _connect(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        try:
            self._socket = await self._session.ws_connect(
                self._url, headers=self._headers, compress=15
            )
        except aiohttp.WSServerHandshakeError:
            await self._session.close()
            raise

    def send(self, frame: Any) -> None:
        """Sends text as it is, anything else as JSON."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._runner.run(self._socket.send_str(text))

    def events(self) -> list[Event]:
        """The events of one answer. Raises Dropped when it does not end."""
        return self._runner.run(self._events())

    async def _events(self) -> list[Event]:
        events: list[Event] = []
        while not events or events[-1]["type"] not in ENDINGS:
            message = await self._socket.receive(10)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise Dropped(events)
            events.append(json.loads(message.data))
        return events

    def create(self, said: Any, **fields: Any) -> list[Event]:
        """Sends a `response.create` and returns its events."""
        self.send({"type": "response.create", "model": "sim-m", "input": said, **fields})
        return self.events()

    def answer(self, said: Any, **fields: Any) -> dict[str, Any]:
        """The response object at the end of an answer that came to one."""
        ending = self.create(said, **fields)[-1]
        assert ending["type"] == "response.completed", ending
        response: dict[str, Any] = ending["response"]
        return response


@pytest.fixture
def socket(sim: SimulatorThread) -> Iterator[Socket]:
    with Socket(sim) as connected:
        yield connected


def text(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", ()))


def not_found(response_id: str) -> Event:
    return {
        "type": "error",
        "status": 400,
        "error": {
            "message": f"Previous response with id '{response_id}' not found.",
            "type": "invalid_request_error",
            "param": "previous_response_id",
            "code": "previous_response_not_found",
        },
    }


def test_an_answer_is_the_stream_s_events_frame_by_frame(
    sim: SimulatorThread, socket: Socket, chat: openai.OpenAI
) -> None:
    said = "[[think]] [[say Well, then]]"
    events = socket.create(said, instructions="Be brief.")
    streamed = chat.responses.create(
        model="sim-m", input=said, instructions="Be brief.", stream=True
    )
    assert [event["type"] for event in events] == [event.type for event in streamed]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert text(events[-1]["response"]) == "Well, then"
    assert events[-1]["response"]["usage"]["input_tokens"] > 0


def test_what_reached_the_provider_is_kept_frame_by_frame(
    sim: SimulatorThread, socket: Socket
) -> None:
    frame = '{"type":"response.create", "model":"sim-m",\n "input":"caf\\u00e9 é"}'
    socket.send(frame)
    socket.events()
    handshake, received = sim.requests
    assert (handshake.method, handshake.status) == ("GET", 101)
    assert (received.method, received.path) == ("WS", "/v1/responses")
    assert received.body == received.decoded == frame.encode()
    assert received.header("authorization") == "Bearer key"
    assert received.status == 200
    assert received.usage is not None
    assert received.usage["input_tokens"] > 0


def test_a_chain_of_unstored_responses_lives_in_its_connection(
    sim: SimulatorThread, socket: Socket, chat: openai.OpenAI
) -> None:
    first = socket.answer("I am Ada.", store=False)
    second = socket.answer("[[count]]", store=False, previous_response_id=first["id"])
    assert text(second) == "I received 3 messages."
    third = socket.answer("[[first]]", store=False, previous_response_id=second["id"])
    assert text(third) == 'The first thing you said was: "I am Ada."'
    branch = socket.answer("[[count]]", store=False, previous_response_id=first["id"])
    assert text(branch) == "I received 3 messages."
    with Socket(sim) as other:
        refused = other.create("hi", store=False, previous_response_id=first["id"])
        assert refused == [not_found(first["id"])]
    assert sim.requests[-1].status == 400
    with pytest.raises(openai.NotFoundError):
        chat.responses.retrieve(first["id"])
    with pytest.raises(openai.BadRequestError, match="Previous response"):
        chat.responses.create(model="sim-m", input="hi", previous_response_id=first["id"])


def test_a_stored_chain_goes_on_anywhere(
    sim: SimulatorThread, socket: Socket, chat: openai.OpenAI
) -> None:
    first = socket.answer("I am Ada.")
    assert chat.responses.retrieve(first["id"]).output_text == text(first)
    second = chat.responses.create(
        model="sim-m", input="[[count]]", previous_response_id=first["id"]
    )
    assert second.output_text == "I received 3 messages."
    with Socket(sim) as other:
        third = other.answer("[[first]]", previous_response_id=second.id)
    assert text(third) == 'The first thing you said was: "I am Ada."'


def test_a_conversation_is_filled_over_a_connection_too(
    socket: Socket, chat: openai.OpenAI
) -> None:
    made = chat.conversations.create()
    socket.answer("I am Ada.", conversation=made.id)
    told = socket.answer("[[first]]", conversation=made.id)
    assert text(told) == 'The first thing you said was: "I am Ada."'
    assert len(chat.conversations.items.list(made.id).data) == 4


def test_a_warm_up_answers_nothing_and_is_gone_on_from(
    sim: SimulatorThread, socket: Socket
) -> None:
    told = {"type": "message", "role": "developer", "content": "You are a pirate. " * 40}
    events = socket.create([told], generate=False, store=False)
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    warm = events[-1]["response"]
    assert (warm["output"], warm["usage"]["output_tokens"]) == ([], 0)
    answer = socket.answer("[[system]]", store=False, previous_response_id=warm["id"])
    assert text(answer) == f'The system prompt is: "{told["content"]}"'
    assert answer["usage"]["input_tokens_details"]["cached_tokens"] > 100


def test_a_warm_up_may_have_no_input_yet(socket: Socket) -> None:
    warm = socket.answer([], generate=False, store=False, tools=[])
    answer = socket.answer("[[count]]", store=False, previous_response_id=warm["id"])
    assert text(answer) == "I received 1 messages."
    (refused,) = socket.create([])
    assert refused["error"]["code"] == "missing_required_parameter"


def test_what_is_only_for_streams_goes_without_asking_for_one(socket: Socket) -> None:
    events = socket.create("[[say hi]]", stream_options={"include_obfuscation": False})
    assert not any("obfuscation" in event for event in events)


def test_a_warm_up_takes_no_fault_of_the_script(sim: SimulatorThread, socket: Socket) -> None:
    sim.script(Fault(status=500))
    warm = socket.answer([{"role": "developer", "content": "Be kind."}], generate=False)
    assert socket.create("hi", previous_response_id=warm["id"])[-1]["status"] == 500


@pytest.mark.parametrize(
    ("frame", "param", "wording"),
    [
        ("{broken", None, "not valid JSON"),
        ("[]", None, "expected an object"),
        ({"model": "sim-m", "input": "hi"}, "type", "Missing required parameter: 'type'"),
        ({"type": "session.update"}, "type", "Supported values are: 'response.create'"),
        ({"type": "response.create", "input": "hi"}, "model", "Missing required parameter"),
        ({"type": "response.create", "model": "sim-m", "input": "hi", "zzz": 1}, "zzz", "Unknown"),
        ({"type": "response.create", "generate": "no"}, "generate", "expected a boolean"),
        ({"type": "response.create", "background": True}, "background", "over WebSocket"),
    ],
)
def test_a_frame_that_cannot_be_is_refused_and_the_connection_goes_on(
    sim: SimulatorThread, socket: Socket, frame: Any, param: str | None, wording: str
) -> None:
    socket.send(frame)
    (refused,) = socket.events()
    assert (refused["type"], refused["status"]) == ("error", 400)
    assert refused["error"]["type"] == "invalid_request_error"
    assert refused["error"]["param"] == param
    assert wording in refused["error"]["message"]
    assert sim.requests[-1].status == 400
    assert text(socket.answer("[[say still here]]")) == "still here"


def test_the_rules_are_for_the_whole_conversation(sim: SimulatorThread, socket: Socket) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    called = socket.answer("[[tool f {}]]", store=False, tools=[tool])
    again = {"store": False, "tools": [tool], "previous_response_id": called["id"]}
    (refused,) = socket.create("and?", **again)
    assert refused["status"] == sim.requests[-1].status == 400
    assert "No tool output found for function call" in refused["error"]["message"]


def test_a_failed_turn_ends_the_unstored_chain(sim: SimulatorThread, socket: Socket) -> None:
    passing, kept = socket.answer("I am Ada.", store=False), socket.answer("I am Bob.")
    sim.script(Fault(status=503), Fault(status=503))
    for response in (passing, kept):
        (refused,) = socket.create("hi", previous_response_id=response["id"])
        assert refused["status"] == 503
    assert socket.create("hi", previous_response_id=passing["id"]) == [not_found(passing["id"])]
    told = socket.answer("[[first]]", previous_response_id=kept["id"])
    assert text(told) == 'The first thing you said was: "I am Bob."'


def test_a_status_is_an_error_frame_with_its_headers(sim: SimulatorThread, socket: Socket) -> None:
    sim.script(Fault(status=429, headers={"retry-after": "2"}))
    (refused,) = socket.create("hi")
    assert (refused["status"], refused["headers"]) == (429, {"retry-after": "2"})
    assert refused["error"]["code"] == "rate_limit_exceeded"
    assert sim.requests[-1].status == 429
    (asked_for,) = socket.create("[[status 503]]")
    assert asked_for["status"] == 503


def test_an_error_in_the_middle_is_the_last_that_is_told(
    sim: SimulatorThread, socket: Socket
) -> None:
    events = socket.create("[[error-event]] [[long 50]]", store=False)
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "error",
    ]
    assert (events[-1]["status"], events[-1]["error"]["type"]) == (500, "server_error")
    unfinished = events[0]["response"]["id"]
    assert socket.create("hi", previous_response_id=unfinished) == [not_found(unfinished)]


def test_a_cut_drops_the_connection_and_what_it_knew(sim: SimulatorThread) -> None:
    with Socket(sim) as socket:
        first = socket.answer("I am Ada.", store=False)
        with pytest.raises(Dropped) as cut:
            socket.create("[[cut 4]] [[long 50]]", previous_response_id=first["id"])
    assert len(cut.value.events) == 4
    with Socket(sim) as socket:
        assert socket.create("hi", previous_response_id=first["id"]) == [not_found(first["id"])]


def test_the_script_can_drop_a_connection_before_any_answer(sim: SimulatorThread) -> None:
    sim.script(Fault(refuse=True), Fault(garbage=True), Fault(bad_utf8=True))
    with Socket(sim) as socket, pytest.raises(Dropped) as dropped:
        socket.create("hi")
    assert dropped.value.events == []
    assert sim.requests[-1].status == 0
    with Socket(sim) as socket, pytest.raises(json.JSONDecodeError):
        socket.create("hi")
    with Socket(sim) as socket, pytest.raises(Dropped):
        socket.create("[[say a few words]]")


def test_a_stalled_answer_goes_on_when_it_is_released(sim: SimulatorThread, socket: Socket) -> None:
    sim.script(Fault(stall=True))
    socket.send({"type": "response.create", "model": "sim-m", "input": "[[say at last]]"})
    sim.wait_for(2)
    assert sim.requests[-1].status is None
    sim.release()
    assert text(socket.events()[-1]["response"]) == "at last"


def test_a_client_that_leaves_ends_its_answer(sim: SimulatorThread) -> None:
    sim.script(Fault(stall=True))
    with Socket(sim) as leaving:
        leaving.send({"type": "response.create", "model": "sim-m", "input": "hi"})
        sim.wait_for(2)
    with Socket(sim) as socket:
        assert text(socket.answer("[[say next]]")) == "next"
    assert [received.status for received in sim.requests] == [101, 0, 101, 200]


def test_frames_are_answered_one_after_another_each_on_its_lane(socket: Socket) -> None:
    for lane in ("a", "b", "a"):
        frame = {"type": "response.create", "model": "sim-m", "input": f"[[say on {lane}]]"}
        socket.send({**frame, "stream_id": lane})
    for lane in ("a", "b", "a"):
        events = socket.events()
        assert {event["stream_id"] for event in events} == {lane}
        assert text(events[-1]["response"]) == f"on {lane}"
    (refused,) = socket.create("hi", stream_id="c", zzz=1)
    assert refused["stream_id"] == "c"


def test_a_response_that_was_processed_is_not_answered(
    sim: SimulatorThread, socket: Socket
) -> None:
    done = socket.answer("hi")
    socket.send({"type": "response.processed", "response_id": done["id"]})
    assert text(socket.answer("[[say next]]")) == "next"
    assert [received.status for received in sim.requests] == [101, 200, 200, 200]


@contextmanager
def refused_handshake() -> Iterator[pytest.ExceptionInfo[aiohttp.WSServerHandshakeError]]:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        yield refused


def test_a_handshake_without_a_key_is_refused(sim: SimulatorThread) -> None:
    with refused_handshake() as refused, Socket(sim, headers={}):
        pass
    assert refused.value.status == sim.requests[-1].status == 401


@pytest.mark.parametrize(("websockets", "status"), [(False, 426), (503, 503), (404, 404)])
def test_a_provider_can_do_without_websockets(websockets: bool | int, status: int) -> None:
    with SimulatorThread(websockets=websockets) as sim:
        with refused_handshake() as refused, Socket(sim):
            pass
        assert refused.value.status == sim.requests[-1].status == status
        with openai.OpenAI(base_url=f"{sim.url}/v1", api_key="key") as client:
            assert client.responses.create(model="sim-m", input="[[say hi]]").output_text == "hi"


def test_without_an_upgrade_there_is_no_such_endpoint(sim: SimulatorThread) -> None:
    connection = http.client.HTTPConnection(urlsplit(sim.url).netloc, timeout=5)
    connection.request("GET", "/v1/responses", headers=KEY)
    response = connection.getresponse()
    assert response.status == 404
    assert "Invalid URL (GET /v1/responses)" in json.loads(response.read())["error"]["message"]
    connection.close()


@pytest.mark.clients
def test_the_official_sdk_talks_over_a_connection(chat: openai.OpenAI) -> None:
    with chat.responses.connect() as connection:

        def answer(**fields: Any) -> Any:
            connection.response.create(model="sim-m", store=False, **fields)
            return next(event for event in connection if event.type == "response.completed")

        first = answer(input="I am Ada.").response
        second = answer(input="[[first]]", previous_response_id=first.id).response
        assert second.output_text == 'The first thing you said was: "I am Ada."'
        connection.response.create(model="sim-m", input="hi", previous_response_id="resp_gone")
        refused: Any = connection.recv()
        assert (refused.type, refused.error.code) == ("error", "previous_response_not_found")
