import pytest

from stitcher.core.layout import Change, Piece
from stitcher.wire.dialect import Dialect, Received
from stitcher.wire.dialects import DIALECTS

REQUEST = b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = DIALECTS[request.param]
    return found


def test_a_request_goes_in_and_out_of_every_dialect(dialect: Dialect) -> None:
    request = REQUEST
    if dialect.NAME == "openai_responses":
        request = REQUEST.replace(b'"messages"', b'"input"')
    call = dialect.parse(request)
    messages = [
        raw
        for item in call.items
        if (raw := dialect.change(Piece(item, "c", Change.NO_MARKERS, ours=True))) is not None
    ]
    assert dialect.build(call, system=None, tools=None, messages=messages) == request
    assert dialect.text(call.items[0].raw) == "hi"
    assert dialect.mark_head(dialect.ask_usage(request), 300).startswith(request[:-1])


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_received_is_nothing_remembered(dialect: Dialect, stream: bool) -> None:
    fold = dialect.fold(stream=stream, hide_usage=True)
    assert not fold.ended
    assert fold.received() == Received(None, (), False, None, None)
    assert b"".join(fold.close()) == b""
    assert fold.received() == Received(None, (), False, None, None)
