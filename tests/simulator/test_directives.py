from stitcher.simulator.directives import ToolRequest, find_directives


def test_names_are_found_in_any_case_and_the_last_of_a_name_wins() -> None:
    found = find_directives("[[Say one]] and [[SAY  two ]] [[think]]")
    assert found.arguments == {"say": " two ", "think": ""}


def test_a_tool_call_keeps_its_arguments_as_written_even_with_brackets_in_them() -> None:
    found = find_directives('[[tool Bash {"a": [[1]],  "b": "]]"}]][[tool now]]')
    assert found.tools == (
        ToolRequest("Bash", '{"a": [[1]],  "b": "]]"}'),
        ToolRequest("now", "{}"),
    )


def test_a_directive_inside_a_tool_call_is_not_one_of_its_own() -> None:
    found = find_directives('[[tool Agent {"prompt": "[[say hi]]"}]]')
    assert found.arguments == {}
    assert found.tools[0].name == "Agent"


def test_numbers_have_a_default_and_are_none_when_absent() -> None:
    found = find_directives("[[cut 3]] [[long]]")
    assert (found.number("cut"), found.number("long", 9), found.number("usage")) == (3, 9, None)


def test_text_that_only_looks_like_a_directive_is_left_alone() -> None:
    found = find_directives('[[1, 2]] [[tool x {"broken"]] [[never closed')
    assert found.tools == ()
    assert set(found.arguments) <= {"tool"}
