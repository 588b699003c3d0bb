"""Real repeats and false friends, and what rapidfuzz makes of each."""

import pytest
from rapidfuzz.fuzz import ratio

from stitcher.repeats import NEAR, near_identical, read

STATUS = """\
The test suite is green: 412 tests passed, 3 were skipped and none failed in 38.2 s.
I changed src/app/session.py so that an idle session is closed after 15 minutes, and Maria's
review comments of 2026-03-14 are worked in. The upload limit is 25 MB and is not applied to
administrators. Next I would move the retry logic into its own module, unless you object.
"""
APOLOGY = """\
Sorry for the confusion. The function does not close the file when the parser raises, so the
descriptor stays open until the garbage collector runs. Wrapping the call in a with statement
closes it in every case, and nothing else in the module has to change.
"""
PLAN = """\
Here is what remains to be done before the release:
- update the changelog
- build the wheel and install it in a fresh environment
- run the smoke tests against the staging server
- tag the commit and push the tag
"""
CODE = """\
This is the whole function:
```python
def total(rows, rate):
    result = 0
    for row in rows:
        result += row.price * rate
    return result
```
It is called once per invoice.
"""
SHELL = """\
Run these from the root of the checkout, in this order, as the user that owns the data:
cd ../deploy
export TARGET=staging
./migrate --from 4 --to 5 -v
rm -rf build/cache
"""

GERMAN = "Der nächtliche Import der Kundendaten läuft seit der Umstellung " * 5


def without(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


REPEATS = [  # score, what was said again, both texts
    (100.0, "word for word", STATUS, STATUS),
    (99.9, "one more blank line", STATUS, without(STATUS, "38.2 s.\n", "38.2 s.\n\n")),
    (99.9, "no line break at the end", STATUS, STATUS.rstrip()),
    (97.7, "white space at the end of lines", PLAN, PLAN.replace("\n", "  \n")),
    (99.9, "two spaces after a full stop", STATUS, STATUS.replace(". The", ".  The")),
    (98.9, "said with a thank-you", STATUS, "Thanks! " + STATUS),
    (97.5, "said with a certainly", APOLOGY, without(APOLOGY, "Sorry", "Certainly, sorry")),
    (97.7, "an apology reworded by a word", APOLOGY, without(APOLOGY, "Sorry", "Apologies")),
    (99.0, "without the apology's word", STATUS, "Sorry. " + STATUS),
    (99.9, "a comma less", STATUS, without(STATUS, "module, unless", "module unless")),
    (99.8, "a semicolon for a full stop at the end", PLAN, PLAN.replace("tag\n", "tag.\n")),
    (99.6, "an exclamation mark", APOLOGY, without(APOLOGY, "has to change.", "has to change!")),
    (98.8, "another capital after the opening", STATUS, "Again, " + STATUS[0].lower() + STATUS[1:]),
    (99.7, "the same code, one more blank line", CODE, without(CODE, "0\n", "0\n\n")),
    (97.6, "the same code, Windows line ends", CODE, CODE.replace("\n", "\r\n")),
]

MISSED = [  # repeats to a reader; we cannot be sure, so both are kept
    (
        89.3,
        "the same list in another order",
        PLAN,
        PLAN.replace("- update the changelog\n", "").replace(
            "environment\n", "environment\n- update the changelog\n"
        ),
    ),
    (97.5, "a synonym", APOLOGY, without(APOLOGY, "confusion", "mix-up")),
    (98.6, "a word of filling", STATUS, without(STATUS, "Next I", "Next, I think, I")),
    (98.1, "other bullets", PLAN, PLAN.replace("- ", "* ")),
    (98.9, "other line breaks", STATUS, STATUS.replace("\n", " ")),
    (99.9, "a typo mended", STATUS, without(STATUS, "administrators", "adminstrators")),
]

FALSE_FRIENDS = [
    (99.7, "one number", STATUS, without(STATUS, "412", "413")),
    (99.7, "one decimal", STATUS, without(STATUS, "38.2", "33.2")),
    (99.6, "one number less", STATUS, without(STATUS, "15 minutes", "minutes")),
    (99.4, "one negation", STATUS, without(STATUS, "is not applied", "is applied")),
    (99.9, "none for one", STATUS, without(STATUS, "none failed", "one failed")),
    (99.2, "a contraction", APOLOGY, without(APOLOGY, "does not close", "does close")),
    (99.7, "one name", STATUS, without(STATUS, "Maria", "Marta")),
    (99.7, "one path", STATUS, without(STATUS, "src/app/session", "src/api/session")),
    (99.7, "one folder up", SHELL, without(SHELL, "../deploy", "./deploy")),
    (99.7, "one unit", STATUS, without(STATUS, "25 MB", "25 GB")),
    (99.7, "one unit, letter case only", STATUS, without(STATUS, "25 MB", "25 Mb")),
    (99.7, "one date", STATUS, without(STATUS, "2026-03-14", "2026-03-15")),
    (99.3, "one month", APOLOGY + "Until June.", APOLOGY + "Until July."),
    (99.4, "one antonym", STATUS, without(STATUS, "green", "red")),
    (99.2, "passed and failed", STATUS, without(STATUS, "tests passed", "tests failed")),
    (99.0, "before and after", STATUS, without(STATUS, "closed after", "closed before")),
    (98.9, "a condition", STATUS, without(STATUS, "unless you object", "if you object")),
    (99.7, "a question", STATUS, without(STATUS, "unless you object.", "unless you object?")),
    (99.5, "one operator", CODE, without(CODE, "+=", "-=")),
    (98.1, "one variable", CODE, without(CODE, "row.price", "row.cost")),
    (98.9, "one indentation", CODE, without(CODE, "    return result", "        return result")),
    (97.1, "one constant's letter case", SHELL, without(SHELL, "TARGET", "Target")),
    (96.8, "one target", SHELL, without(SHELL, "staging", "production")),
    (99.4, "one option", SHELL, without(SHELL, "-v", "-q")),
    (94.1, "one line less", SHELL, without(SHELL, "rm -rf build/cache\n", "")),
    (92.4, "two lines exchanged", SHELL, SHELL.replace("cd ../deploy\nexport TARGET=staging\n",
        "export TARGET=staging\ncd ../deploy\n")),
    (99.1, "another language's negation", GERMAN + "nicht.", GERMAN),
    (98.4, "one item", PLAN, without(PLAN, "push the tag", "push the branch")),
    (97.2, "a template about another subject",
        PLAN.replace("release", "migration"), PLAN),
    (41.4, "another subject altogether", APOLOGY, STATUS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("score", "what", "one", "other"), REPEATS, ids=[row[1] for row in REPEATS]
)
def test_a_real_repeat_is_seen(score: float, what: str, one: str, other: str) -> None:
    assert ratio(one, other) == pytest.approx(score, abs=0.1)
    assert near_identical(read(one), read(other))
    assert near_identical(read(other), read(one))


@pytest.mark.parametrize(
    ("score", "what", "one", "other"), FALSE_FRIENDS, ids=[row[1] for row in FALSE_FRIENDS]
)
def test_a_false_friend_is_refused(score: float, what: str, one: str, other: str) -> None:
    assert ratio(one, other) == pytest.approx(score, abs=0.1)
    assert not near_identical(read(one), read(other))
    assert not near_identical(read(other), read(one))


@pytest.mark.parametrize(("score", "what", "one", "other"), MISSED, ids=[row[1] for row in MISSED])
def test_in_doubt_both_stay(score: float, what: str, one: str, other: str) -> None:
    assert ratio(one, other) == pytest.approx(score, abs=0.1)
    assert not near_identical(read(one), read(other))


def test_the_threshold_bounds_what_courtesies_make_up() -> None:
    assert not near_identical(read("Sorry. " * 6 + PLAN), read(PLAN))
    assert all(row[0] >= NEAR for row in REPEATS)


def test_the_threshold_alone_would_take_most_false_friends_for_repeats() -> None:
    assert sum(row[0] >= NEAR for row in FALSE_FRIENDS) == 27
