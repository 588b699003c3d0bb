"""Pages: whatever their size and order, together they are the list."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.responses_api.listed import Listed
from stitcher.responses_api.pages import Order, PageQuery, page, page_query
from stitcher.responses_api.refusal import Refusal


def items(count: int) -> list[Listed]:
    return [
        Listed(f"msg_{n}", "", json.dumps({"id": f"msg_{n}", "type": "novel", "n": n}).encode())
        for n in range(count)
    ]


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 120), st.integers(1, 100), st.sampled_from(["asc", "desc"]), st.integers(0, 9)
)
def test_pages_joined_are_the_list(count: int, limit: int, order: Order, later: int) -> None:
    """Also where the list grows at its end while it is read from its beginning."""
    listed, seen = items(count), list[int]()
    after = None
    while True:
        found = json.loads(page(listed, PageQuery(order, after, limit)))
        numbers = [item["n"] for item in found["data"]]
        assert len(numbers) <= limit
        assert [found["first_id"], found["last_id"]] == (
            [f"msg_{numbers[0]}", f"msg_{numbers[-1]}"] if numbers else [None, None]
        )
        seen += numbers
        after = found["last_id"]
        if not found["has_more"]:
            break
        if order == "asc" and len(listed) == count:
            listed = items(count + later)
    assert seen == (list(range(len(listed))) if order == "asc" else list(range(count))[::-1])


def test_a_query_is_read() -> None:
    assert page_query({}) == PageQuery("desc", None, 20)
    given = {"order": "asc", "after": "msg_1", "limit": "7", "include": "reasoning"}
    assert page_query(given) == PageQuery("asc", "msg_1", 7)
    assert page_query({"after": ""}).after is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order", "newest"),
        ("order", ""),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "٣"),
        ("limit", "9" * 5_000),
    ],
)
def test_what_a_query_cannot_say_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal, match=f"{name}: found .*, expected ") as raised:
        page_query({name: value})
    assert raised.value.status == 400
    assert raised.value.param == name


def test_a_cursor_that_is_not_in_the_list_is_refused() -> None:
    with pytest.raises(Refusal, match="Item with id 'msg_9' not found") as raised:
        page(items(3), PageQuery(after="msg_9"))
    assert raised.value.status == 404
