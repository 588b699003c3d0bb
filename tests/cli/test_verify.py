"""`stitcher verify`: one line for each session, and the problems."""

import json

from tests.cli.conftest import Command

OLD = {"type": "message", "message": {"role": "user", "content": "hi"}}


def test_nothing_to_verify(stitcher: Command) -> None:
    assert stitcher("verify").stdout == "There are no sessions.\n"


def test_a_right_log(stitcher: Command) -> None:
    stitcher.write_session("good", OLD, OLD)
    result = stitcher("verify")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["session", "lines", "messages", "result"],
        ["good", "2", "2", "ok"],
    ]


def test_a_wrong_line_is_named_and_the_exit_code_says_so(stitcher: Command) -> None:
    stitcher.write_session("good", OLD)
    log = stitcher.write_session("bad", OLD)
    log.write_bytes(log.read_bytes() + b"garbage\n")
    result = stitcher("verify")
    assert result.exit_code == 1
    assert "1 problem" in result.stdout
    assert f"\n{log}:{log.read_bytes().index(b'garbage')}: " in result.stdout
    assert stitcher("verify", "good").exit_code == 0
    found = json.loads(stitcher("verify", "bad", "--json").stdout)
    assert [each["session"] for each in found] == ["bad"]
    assert len(found[0]["problems"]) == 1
    assert found[0]["problems"][0]["place"].startswith(str(log))


def test_a_session_that_is_not_there(stitcher: Command) -> None:
    stitcher.write_session("good", OLD)
    result = stitcher("verify", "godo")
    assert result.exit_code == 1
    assert "did you mean 'good'?" in result.stderr
