import pytest

from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect
from stitcher.wire.dialects import DIALECTS

BODY = b'{ "model":"m" , "novel" : [1.0] , "messages":[{"role":"user","content":"hi"}] }'


@pytest.mark.parametrize("name", DIALECTS)
def test_a_call_says_where_every_member_of_its_body_stands(name: str) -> None:
    dialect: Dialect = DIALECTS[name]
    said = "input" if name == "openai_responses" else "messages"
    body = BODY.replace(b"messages", said.encode())
    call = dialect.parse(body)
    assert isinstance(call, Call)
    assert call.body is body
    assert {key: body[m.start : m.end] for key, m in call.members.items()} == {
        "model": b'"m"',
        "novel": b"[1.0]",
        said: b'[{"role":"user","content":"hi"}]',
    }
