"""Breakpoints, options and keys of OpenAI's prompt cache in the bytes of a request."""

import json

import pytest
from hypothesis import given

from stitcher.core.layout import Change, Piece
from stitcher.simulator import rules_openai_chat, rules_openai_responses
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.openai_caching import implicit_lifetime
from tests.wire.json_text import VALUE, spelled

EXPLICIT = '"prompt_cache_breakpoint":{"mode":"explicit"}'
FOR_LONG = '"prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}'
USER = '{"role" : "user","content":"h\\u0069"}'
MEMBER = {"openai_chat": "messages", "openai_responses": "input"}
TEXT = {"openai_chat": "text", "openai_responses": "input_text"}


@pytest.fixture(params=["openai_chat", "openai_responses"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def request_of(api: str, *messages: str, more: str = "") -> str:
    return '{ "model":"gpt-6" , "' + MEMBER[api] + '": [ ' + " , ".join(messages) + f" ]{more}}}"


def checked(api: str, body: str) -> None:
    """Fails where the provider would refuse the body."""
    check = rules_openai_chat.check if api == "openai_chat" else rules_openai_responses.check
    assert check(json.loads(body)) is None


class TestTheHead:
    def marked(self, api: str, *messages: str, lifetime: int = 1_800) -> str:
        body = request_of(api, *messages).encode()
        made = DIALECTS[api].mark_head(body, lifetime).decode()
        checked(api, made)
        return made

    @pytest.mark.parametrize("role", ["system", "developer"])
    def test_a_text_becomes_its_one_part(self, api: str, role: str) -> None:
        head = f'{{ "role":"{role}" , "content": "be br\\u0069ef", "name":"x" }}'
        if api == "openai_responses":
            head = head.replace(', "name":"x"', "")
        part = f'[{{"type":"{TEXT[api]}","text":"be br\\u0069ef",{EXPLICIT}}}]'
        expected = request_of(api, head.replace('"be br\\u0069ef"', part), USER)
        assert self.marked(api, head, USER) == expected

    def test_the_last_part_of_the_last_leading_message_carries_it(self, api: str) -> None:
        first = '{"role":"system","content":"one"}'
        part = f'{{"type":"{TEXT[api]}" ,"text":"three" }}'
        last = f'{{"role":"developer","content":[ {part.replace("three", "two")} , {part} ]}}'
        with_mark = last.replace(part, part.replace(" }", "," + EXPLICIT + " }"))
        later = '{"role":"system","content":"later"}'
        made = self.marked(api, first, last, USER, later)
        assert made == request_of(api, first, with_mark, USER, later)

    def test_it_may_be_asked_for_longer(self, api: str) -> None:
        head = '{"role":"system","content":"one"}'
        body = request_of(api, head, USER).encode()
        assert FOR_LONG in DIALECTS[api].mark_head(body, 43_200).decode()

    @pytest.mark.parametrize(
        "head",
        [
            None,
            '{"role":"system","content":""}',
            '{"role":"system","content":[]}',
            '{"role":"system","content":null}',
            '{"role":"system","content":"a","content":"b"}',
            '{"role":"system","content":[{"type":"novel","text":"x"}]}',
            '{"role":"system","content":[{"type":"%s","text":"x",' + EXPLICIT + "}]}",
        ],
    )
    def test_where_none_may_stand_the_very_body_is_given_back(
        self, api: str, head: str | None
    ) -> None:
        said = [USER] if head is None else [head.replace("%s", TEXT[api]), USER]
        body = request_of(api, *said).encode()
        assert DIALECTS[api].mark_head(body, 1_800) is body

    def test_not_on_instructions_nor_on_tools_listed_as_an_item(self) -> None:
        """OpenAI, "Prompt caching", 2026-09-23: neither can carry one."""
        mark_head = DIALECTS["openai_responses"].mark_head
        body = b'{"model":"gpt-6","instructions":"be brief","input":"hi"}'
        assert mark_head(body, 1_800) is body
        listed = '{"type":"additional_tools","role":"developer","tools":[]}'
        head = '{"role":"developer","content":"one"}'
        body = request_of("openai_responses", head, listed, USER).encode()
        assert mark_head(body, 1_800) is body

    @given(VALUE.flatmap(spelled), VALUE.flatmap(spelled))
    def test_all_else_keeps_its_bytes(self, novel: str, other: str) -> None:
        head = '{"role":"system", "content":"one"%s}'
        body = request_of("openai_chat", head % f',"novel":{novel}', USER, more=f',"x":{other}')
        made = DIALECTS["openai_chat"].mark_head(body.encode(), 1_800).decode()
        part = f'[{{"type":"text","text":"one",{EXPLICIT}}}]'
        assert made == body.replace('"content":"one"', f'"content":{part}', 1)


class TestTheKey:
    def test_is_added_at_the_end(self, api: str) -> None:
        made = DIALECTS[api].with_key(request_of(api, USER).encode(), "k" * 32)
        assert made.decode() == request_of(api, USER, more=f',"prompt_cache_key":"{"k" * 32}"')
        checked(api, made.decode())

    @pytest.mark.parametrize("own", ['"mine"', "null", '""'])
    def test_unless_there_is_one(self, api: str, own: str) -> None:
        body = request_of(api, USER, more=f',"prompt_cache_key" : {own}').encode()
        assert DIALECTS[api].with_key(body, "k") is body

    def test_the_messages_api_has_none(self) -> None:
        body = b'{"messages":[]}'
        assert DIALECTS["anthropic"].with_key(body, "k") is body


class TestTheClientsOwn:
    def part(self, api: str, marker: str = EXPLICIT) -> str:
        return f'{{"type":"{TEXT[api]}","text":"x",{marker}}}'

    def test_are_counted_wherever_they_stand(self, api: str) -> None:
        head = f'{{"role":"system","content":[{self.part(api)}]}}'
        said = f'{{"role":"user","content":[{self.part(api)},{self.part(api)}]}}'
        call = DIALECTS[api].parse(request_of(api, head, said, USER).encode())
        assert call.breakpoints == 3
        assert call.marks_messages
        call = DIALECTS[api].parse(request_of(api, head, USER).encode())
        assert (call.breakpoints, call.marks_messages) == (1, False)

    @pytest.mark.parametrize(
        ("options", "counted"), [("null", 0), ("{}", 1), ('{"mode":"explicit"}', 1)]
    )
    def test_options_count_as_one(self, api: str, options: str, counted: int) -> None:
        body = request_of(api, USER, more=f',"prompt_cache_options":{options}')
        assert DIALECTS[api].parse(body.encode()).breakpoints == counted

    @pytest.mark.parametrize(
        ("options", "seconds"),
        [
            ("null", 1_800),
            ("{}", 1_800),
            ('{"mode":"implicit","ttl":"12h"}', 43_200),
            ('{"mode":"explicit","ttl":"12h"}', 0),
            ('"odd"', 1_800),
        ],
    )
    def test_options_say_for_how_long_the_end_is_kept(self, options: str, seconds: int) -> None:
        body = request_of("openai_chat", USER, more=f',"prompt_cache_options":{options}')
        assert implicit_lifetime(DIALECTS["openai_chat"].parse(body.encode())) == seconds
        plain = DIALECTS["openai_chat"].parse(request_of("openai_chat", USER).encode())
        assert implicit_lifetime(plain) == 1_800

    def test_a_message_keeps_for_as_long_as_its_last_asks(self, api: str) -> None:
        read = DIALECTS[api].read_item
        said = '{"role":"user","content":[%s,%s]}'
        short, long = self.part(api), self.part(api, FOR_LONG)
        assert read((said % (long, short)).encode()).kept_for == 1_800
        assert read((said % (short, long)).encode()).kept_for == 43_200
        assert read(USER.encode()).kept_for == 0

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "text", "text": "x"},
            {"type": "file", "file": {"file_id": "f"}},
            {"type": "image_url", "image_url": {"url": "https://x"}},
        ],
    )
    def test_change_neither_what_a_message_is_nor_what_a_model_sees(
        self, part: dict[str, object]
    ) -> None:
        read = DIALECTS["openai_chat"].read_item
        bare = {"role": "user", "content": [part]}
        made = {"role": "user", "content": [{**part, **json.loads("{" + EXPLICIT + "}")}]}
        without, with_mark = (read(json.dumps(one).encode()) for one in (bare, made))
        assert without.identity == with_mark.identity
        assert without.rendering == with_mark.rendering

    def test_stay_where_they_are_in_what_is_put_back(self, api: str) -> None:
        said = f'{{"role":"user","content":[{self.part(api)}]}}'.encode()
        piece = Piece(DIALECTS[api].read_item(said), "chain", Change.NO_MARKERS, ours=True)
        assert DIALECTS[api].change(piece) == said

    def test_stand_on_bytes_that_go_out_in_the_place_of_the_clients(self, api: str) -> None:
        read = DIALECTS[api].read_item
        stored = read(b'{"role":"user","content":"x "}')
        client = read(f'{{"role":"user","content":[{self.part(api, FOR_LONG)}]}}'.encode())
        piece = Piece(stored, "chain", Change.NO_MARKERS, marked_by=client)
        made = DIALECTS[api].change(piece) or b""
        assert FOR_LONG in made.decode()
        assert read(made).rendering == stored.rendering
