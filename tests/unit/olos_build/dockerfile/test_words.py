"""Variables, scopes, and where each character comes from."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olos.errors import BuildStepError
from olos_build.dockerfile import Dockerfile, Walk, decode
from olos_build.dockerfile.grammar import GrammarError, parse
from olos_build.dockerfile.words import Style, WordError, expand, split

VARIABLES = {"FOO": "xxyy", "EMPTY": "", "PATHS": "/foo*/*/*.txt", "STAR": "xx**", "ODD": "()[]{}^$.*?|\\x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a$FOO.b", "axxyy.b"),
        ("${FOO}1 $NONE.", "xxyy1 ."),
        ("'$FOO' \"$FOO\" \\$FOO", "$FOO xxyy $FOO"),
        ("${FOO:-a} ${EMPTY:-b} ${EMPTY-b} ${NONE-c}", "xxyy b  c"),
        ("${FOO:+a} ${EMPTY:+b} ${EMPTY+b} ${NONE+c}", "a  b "),
        ("${FOO:?no} ${EMPTY?no}", "xxyy "),
        ("${NONE:-${EMPTY:-$FOO}}", "xxyy"),
        ("${FOO#x} ${FOO##*x} ${FOO%y} ${FOO%%y*}", "xyy yy xxy xx"),
        ("${FOO#*} ${FOO##*} ${FOO#}", "xxyy  xxyy"),
        ("${STAR%%\\**}", "xx"),
        ("${FOO#*x*y}", "y"),
        ("${PATHS/\\*\\//.} ${PATHS//\\*\\//.}", "/foo.*/*.txt /foo..*.txt"),
        ("${FOO/x/z} ${FOO//x/z} ${FOO//x/}", "zxyy zzyy yy"),
        ("${ODD#()[]{\\}^$.\\*\\?|\\\\}", "x"),
        ("$ $% $1x $@", "$ $% x "),
        ('"a\\"b\\c" \'d\\e\'', 'a"b\\c d\\e'),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "'a",
            '"a',
            "${",
            "${}",
            "${:}",
            "${{x}",
            "${FOO",
            "${FOO:-a",
            "${FOO=a}",
            "${FOO:=a}",
            "${FOO//x}",
        ),
        *("${NONE?no}", "${EMPTY:?no}", "${FOO#\\x}", "${a:-" * 60),
    ],
)
def test_what_cannot_be_expanded(text: str) -> None:
    with pytest.raises(WordError):
        expand(text, VARIABLES)


def test_expansion_is_bounded() -> None:
    with pytest.raises(WordError, match="more than"):
        expand("$A" * 2000, {"A": "a" * 1000})
    with pytest.raises(WordError, match="too long"):
        expand("${A##" + "*a" * 300 + "}", {"A": "a" * 9000})


def test_words() -> None:
    assert split("a  'b c' $W \"$W\" d\\ e ''", {"W": "x y"}) == ["a", "b c", "x", "y", "x y", "d e"]
    assert split("'a' \\b $N ${N:-c}", {}, Style("\\", True, True, True)) == ["'a'", "\\b", "$N", "${N:-c}"]
    assert expand("a`$b", {"b": "c"}, Style(escape="`")) == "a$b"


def dockerfile(text: str) -> Dockerfile:
    return decode(text.encode(), Path("Dockerfile"))


def scope_of(text: str, **build_args: str) -> dict[str, str]:
    """The variables that the last instruction sees."""
    *_, last = (
        dict(step.stage.variables) if step.stage else {}
        for step in Walk(dockerfile(text), build_args).steps()
    )
    return last


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG A=1\nFROM x\nRUN y", {}),
        ("ARG A=1\nFROM x\nARG A\nRUN y", {"A": "1"}),
        ("ARG A=1\nFROM x\nARG A=2\nRUN y", {"A": "2"}),
        ("FROM x\nARG B=1\nRUN y", {"B": "given"}),
        ("FROM x\nARG B=1\nENV B=2\nRUN y", {"B": "2"}),
        ("FROM x\nENV A=1\nENV A=2 C=$A\nRUN y", {"A": "2", "C": "1"}),
        ("FROM x AS p\nENV A=1\nFROM z\nENV C=3\nFROM P\nRUN y", {"A": "1"}),
        ("FROM x\nENV A a  b\nRUN y", {"A": "a  b"}),
    ],
)
def test_scopes(text: str, expected: dict[str, str]) -> None:
    assert scope_of(text, B="given") == expected


def images_of(text: str, **build_args: str) -> list[tuple[str, str | None]]:
    walk = Walk(dockerfile(text), build_args)
    found = []
    for step in walk.steps():
        for use in walk.images(step):
            assert use.offset is None or use.instruction.text.startswith(use.written, use.offset)
            found.append((use.written, use.reference))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM scratch", []),
        ("FROM --platform=linux/amd64 a:1 AS b\nFROM B\nFROM c", [("a:1", "a:1"), ("c", "c")]),
        ("ARG V=1\nARG I=a:$V\nFROM ${I}-x", [("${I}-x", "a:1-x")]),
        ("FROM a:${V:-2}\nFROM $NONE", [("a:${V:-2}", "a:2"), ("$NONE", None)]),
        ("FROM a$TARGETARCH", [("a$TARGETARCH", "aamd64")]),
        (
            "FROM scratch AS s\nCOPY --from=s a b\nCOPY --from=0 a b\nCOPY --from=i:1 a b",
            [("i:1", "i:1")],
        ),
        ("FROM scratch\nRUN --mount=type=bind,from=i,target=/x --mount=from=scratch y", [("i", "i")]),
    ],
)
def test_images_from_outside(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert images_of(text) == expected


def test_build_arguments_choose_images() -> None:
    assert images_of("ARG V=1\nFROM a:$V", V="2") == [("a:$V", "a:2")]


TOKENS = (
    "RUN ",
    "ENV a=b",
    "ONBUILD ",
    " ",
    "\n",
    "\\\n",
    "  \\  \r\n",
    "# c\n",
    "é",
    "<<E",
    "\nE\n",
    "x",
    "\t",
)


@settings(max_examples=500)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=20))
def test_every_character_is_found_again(tokens: list[str]) -> None:
    """The round trip: text of the instruction -> place in the file -> the same character and its line."""
    text = "".join(tokens)
    try:
        parsed = parse(text)
    except GrammarError:
        return
    for outer in parsed.instructions:
        for instruction in filter(None, (outer, outer.child)):
            assert outer.line <= instruction.line <= instruction.last_line
            for offset, char in enumerate(instruction.text):
                source = instruction.source_at(offset)
                assert text[source] == char
                assert instruction.line_at(offset) == text.count("\n", 0, source) + 1
        for heredoc in outer.heredocs:
            lines = text.split("\n")[heredoc.line - 1 :]
            assert "\n".join(lines).startswith(heredoc.content)


def test_errors_name_the_line() -> None:
    with pytest.raises(BuildStepError, match="Dockerfile: line 3: RUN: more than 1000 here-documents"):
        dockerfile("FROM a\n\nRUN " + "<<E " * 1001)
    with pytest.raises(BuildStepError, match="more than 10000 instructions"):
        dockerfile("FROM a\n" * 10_001)
