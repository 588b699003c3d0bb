import pytest

from stitcher.simulator.directives import find_directives
from stitcher.simulator.faults import Fault, fault_from_directives, faults_from_json


def test_directives_and_scripts_spell_the_same_faults() -> None:
    words = "[[stall]] [[cut 3]] [[stall-after 4]] [[garbage]] [[error-event]] [[bad-utf8]]"
    spelt = {
        "stall": True, "cut_after": 3, "stall_after": 4, "garbage": True, "error_event": True,
        "bad_utf8": True,
    }  # fmt: skip
    assert fault_from_directives(find_directives(words)) == Fault(**spelt)  # type: ignore[arg-type]
    assert faults_from_json({"steps": [spelt]}) == [Fault(**spelt)]  # type: ignore[arg-type]


def test_words_without_faults_are_no_fault() -> None:
    assert fault_from_directives(find_directives("[[say hi]]")) == Fault()


@pytest.mark.parametrize("given", [{}, "x", {"steps": {}}, [{"unknown": 1}], [1]])
def test_a_script_that_cannot_be_read_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="step"):
        faults_from_json(given)
