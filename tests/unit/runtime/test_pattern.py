"""Patterns of values: C, Python's check, Python's `re` and the C library's `regexec` agree."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from olos.errors import InputError
from olos.pattern import MAX_DEPTH, MAX_LENGTH, MAX_PLACES, check_pattern
from support.probe import ask, fuzz

PIECES = (
    *(
        "a",
        "b",
        "0",
        ".",
        "[ab]",
        "[^a]",
        "[0-9]",
        "[a-c0-]",
        "(a|b)",
        "(a*|b)",
        "(ab?)",
        r"\.",
        r"\\",
        "(a|b*)",
    ),
    *("[^-]", "[-]", "(((a)*)*)", "(a{2}|b{0,3})", " ", "/", "-"),
)
QUANTIFIERS = ("", "", "", "*", "+", "?", "{2}", "{1,}", "{0,}", "{3,}", "{0,2}", "{1,3}", "{2,2}")
LETTERS = "ab0.-\\c /\nÿ"

WRONG = (
    *(
        "",
        "(",
        ")",
        "()",
        "(|a)",
        "a|",
        "|a",
        "a||b",
        "*",
        "+a",
        "?",
        "{1}",
        "(*a)",
        "a**",
        "a+?",
        "a{1}{2}",
        "|*",
    ),
    *(
        "a{",
        "a{}",
        "a{,}",
        "a{,3}",
        "a{0}",
        "a{0,0}",
        "a{2,1}",
        "a{256}",
        "a{1000}",
        "a{0001}",
        "a{1",
        "a{1,",
    ),
    *(
        "a{1,x}",
        "a{-1}",
        "a{1,256}",
        "[",
        "[]",
        "[^]",
        "[^",
        "[a",
        "[a-",
        "[b-a]",
        "[a-c-e]",
        "[-a]",
        "[a--]",
    ),
    *(
        "[[]",
        "[]a]",
        "[a[]",
        "[[:alpha:]]",
        "[^^]",
        r"[\]",
        r"[\d]",
        "]",
        "}",
        "a}",
        "^a",
        "a$",
        "^",
    ),
    *(
        "\\",
        "a\\",
        r"\d",
        r"\1",
        r"(a)\1",
        r"\a",
        r"\/",
        r"\-",
        "(?:a)",
        "(?i)a",
        "a??",
        "\x7f",
        "\t",
        "é",
        "a\n",
    ),
    *("(" * 9 + "a" + ")" * 9, "a" * 256, "a{255}aa", "(a{16}){17}", "((a{9}){9}){9}", "(a|b){129}"),
)


def pattern(dice: Random) -> str:
    pieces = [dice.choice(PIECES) + dice.choice(QUANTIFIERS) for _ in range(dice.randrange(1, 5))]
    if dice.random() < 0.3:
        pieces.insert(dice.randrange(len(pieces)), "a|")
    return "".join(pieces)


def pairs() -> Iterator[tuple[str, str]]:
    dice = Random(5)
    for _ in range(1500):
        expression = pattern(dice)
        for _ in range(8):
            yield expression, "".join(dice.choice(LETTERS) for _ in range(dice.randrange(9)))


def question(expression: str, value: str) -> bytes:
    return expression.encode() + b"\0" + value.encode("latin-1")


def is_right(expression: str) -> bool:
    try:
        check_pattern(expression, "p")
    except InputError:
        return False
    return True


def test_matches_as_python_does(probe: Path) -> None:
    items = list(pairs())
    answers = ask(probe, "pattern", [question(*item) for item in items])
    wanted = [
        bool(re.fullmatch(expression.encode(), value.encode("latin-1"), re.DOTALL))
        for expression, value in items
    ]
    assert 500 < sum(wanted) < len(items) - 500
    for item, matches, answer in zip(items, wanted, answers, strict=True):
        assert answer == f"0 {int(matches)}", item
        assert is_right(item[0]), item


@pytest.mark.parametrize("expression", WRONG, ids=repr)
def test_refused(probe: Path, expression: str) -> None:
    with pytest.raises(InputError, match="^p: ") as caught:
        check_pattern(expression, "p")
    assert caught.value.hint
    assert ask(probe, "pattern", [question(expression.encode().decode("latin-1"), "")])[0].startswith("3 ")


def test_both_refuse_the_same(probe: Path) -> None:
    dice = Random(7)
    items = ["".join(dice.choices("ab(|)*+?{1,2}[^-]\\.", k=dice.randrange(1, 9))) for _ in range(20_000)]
    answers = ask(probe, "pattern", [question(item, "") for item in items])
    right = [is_right(item) for item in items]
    assert 500 < sum(right) < len(items)
    for item, wanted, answer in zip(items, right, answers, strict=True):
        assert answer.startswith("0 " if wanted else "3 "), item


@pytest.mark.parametrize(
    ("expression", "value", "matches"),
    [
        ("a" * MAX_LENGTH, "a" * MAX_LENGTH, True),
        ("[0-9]{255}", "7" * 255, True),
        (f"(a|b){{{MAX_PLACES // 2}}}", "ab" * (MAX_PLACES // 4), True),
        ("(" * MAX_DEPTH + "a*" + ")*" * MAX_DEPTH, "aaa", True),
        (".*", "\n" * 4096, True),
        (".*", "a" * 4097, False),
        ("(.*)*b", "a" * 4096, False),
    ],
    ids=["length", "repeat", "places", "depth", "value", "longer-value", "not-exponential"],
)
def test_limits(probe: Path, expression: str, value: str, matches: bool) -> None:
    assert is_right(expression)
    assert ask(probe, "pattern", [question(expression, value)]) == [f"0 {int(matches)}"]


def test_the_most_expensive_pattern_takes_no_time(probe: Path) -> None:
    """Every way is open all the time: each step of the largest program is taken for each byte."""
    expression = "(" * MAX_DEPTH + ".?){32}" + ")*" * (MAX_DEPTH - 2) + "){8}"
    begin = time.monotonic()
    assert ask(probe, "pattern", [question(expression, "a" * 4096)]) == ["0 1"]
    assert time.monotonic() - begin < 10


def test_nothing_crashes(probe: Path) -> None:
    item = question("(a|[^b-c]{2,9}(x*y+z?){3})|\\.{1,2}(((q)))", "aaxyyz")
    assert 0 < fuzz(probe, "pattern", item, seed=1, count=20_000) < 20_000
