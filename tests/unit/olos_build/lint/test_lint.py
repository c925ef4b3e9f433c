"""Lines, suppression, real-looking files, hostile texts."""

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from olos.errors import BuildStepError, InputError
from olos_build.dockerfile import decode
from olos_build.lint import Facts, Finding, Severity, lint, look_around
from olos_build.lint.shell import parse

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.Dockerfile"))
FROM = "FROM scratch\n"


def check(text: str, *ignored: str) -> tuple[Finding, ...]:
    return lint(decode(text.encode(), Path("Dockerfile")), Facts(has_ignore_file=True), ignored)


def places(text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.rule.name) for finding in check(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN true \\\n  # c\n\n && date \\\n && uuidgen\n", [(5, "clock"), (6, "random")]),
        ("RUN <<E\n\nset -e\ndate\nE\nRUN date\n", [(5, "clock"), (7, "clock")]),
        ("RUN bash <<E\ndate\nE\n", [(3, "clock")]),
        ("RUN <<-E\n\tdate\n\tE\n", [(3, "clock")]),
        ("RUN <<E\n#!/usr/bin/env python3\ndate\nE\n", []),
        ("RUN python3 <<E\ndate\nE\n", []),
        ("RUN cat <<E > /x\ndate\nE\n", []),
        ("RUN <<E\ncat > /x <<'F'\ndate\nF\ndate\nE\n", [(6, "clock")]),
        ("ONBUILD \\\nRUN \\\n date\n", [(4, "clock")]),
        ("RUN sh -c 'true;\\\n date'\n", [(2, "clock")]),
        ('RUN ["sh", "-c", "date"]\n', [(2, "clock")]),
        ('SHELL ["powershell"]\nRUN date\n', []),
        ("RUN if true; then date; fi\n", [(2, "clock")]),
        ("RUN env A=b nice -n 5 date\n", [(2, "clock")]),
        ("COPY <<E /x\n\nghp_" + "a" * 36 + "\nE\n", [(4, "secret-token")]),
    ],
    ids=[
        *(
            "continued",
            "heredoc",
            "fed",
            "tabs",
            "other-language",
            "python",
            "data",
            "inner-heredoc",
            "onbuild",
        ),
        *("inner-script", "json", "other-shell", "reserved-words", "wrapped", "copied"),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert places(FROM + text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# olos-lint: ignore=clock needed for the log\nRUN date; uuidgen\n", ["random"]),
        ("# olos-lint: ignore=clock,random\nRUN date; uuidgen\n", []),
        ("# olos-lint: ignore=all\n# words\nRUN date; uuidgen\n", []),
        ("RUN true \\\n# olos-lint:ignore = clock\n && date\n", []),
        ("# olos-lint: ignore=clock\n\nRUN date\n", ["clock"]),
        ("# olos-lint: ignore=clock\nRUN true\nRUN date\n", ["clock"]),
        ("RUN <<E\n# olos-lint: ignore=clock\ndate\nE\n", ["clock"]),
        ("# olos-lint: ignore=clock,clocks\nRUN date\n", ["unknown-rule"]),
        ("RUN date # olos-lint: ignore=clock\n", ["clock"]),
    ],
    ids=["one", "two", "all", "inside", "apart", "other", "heredoc", "unknown", "behind"],
)
def test_suppression(text: str, expected: list[str]) -> None:
    assert [name for _, name in places(FROM + text)] == expected


def test_rules_can_be_left_out() -> None:
    assert [f.rule.name for f in check(FROM + "RUN date; uuidgen\n", "clock")] == ["random"]


def test_secrets_are_not_shown() -> None:
    for text in ("ENV A_TOKEN=hunter2\n", "RUN curl https://me:hunter2@example.org/?t=hunter2 -o /x\n"):
        found = check(FROM + text)
        assert found
        assert not any("hunter2" in finding.message + finding.cure for finding in found)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_corpus(path: Path) -> None:
    """Each file says in its last line what is to be found, in the order of the lines."""
    text = path.read_text()
    expected = text.splitlines()[-1].removeprefix("# expected:").split()
    assert Counter(f.rule.name for f in check(text)) == Counter(expected)


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 10


WORDS = (
    *(
        "RUN ",
        "ENV ",
        "COPY ",
        "FROM a ",
        "ARG ",
        "\n",
        "\\\n",
        " ",
        "<<E",
        "\nE\n",
        '"',
        "'",
        "$(",
        ")",
        "`",
    ),
    *(
        "${",
        "}",
        "$X",
        "|",
        "&&",
        ";",
        "(",
        "apt-get install ",
        "pip install ",
        "curl http://a",
        "sh -c ",
        "#",
    ),
    *(
        "git clone ",
        "date",
        "=",
        "-e ",
        "-",
        "@",
        "apk add ",
        "npm i ",
        "[",
        "]",
        ">",
        "<",
        "\x00",
        "é",
        "case ",
    ),
)


@settings(max_examples=600, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), max_size=25))
def test_no_text_is_too_odd(words: list[str]) -> None:
    try:
        findings = check(FROM + "".join(words))
    except BuildStepError as error:
        assert error.message.startswith("Dockerfile: line ")
    else:
        assert all(finding.line >= 1 for finding in findings)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200))
def test_no_bytes_are_too_odd(content: bytes) -> None:
    try:
        decode(content, Path("Dockerfile"))
    except (BuildStepError, InputError) as error:
        assert error.message.startswith("Dockerfile: ")


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="ab $(){}`'\"\\|&;<>\n#=-[]", max_size=60))
def test_the_shell_reader_takes_any_text(text: str) -> None:
    for command in parse(text, lambda offset: offset, {"a": "b"}):
        assert all(0 <= word.line <= len(text) for word in command.words)


SIZE = 40_000
HOSTILE = {
    "continued": "RUN a \\\n" * SIZE,
    "substitutions": "RUN " + "$(" * SIZE,
    "braces": "RUN " + "${" * SIZE,
    "backquotes": "RUN " + "`" * SIZE,
    "pipes": "RUN " + "curl http://a | " * SIZE + "x",
    "inner-documents": "RUN <<E\n" + "cat <<X\n" * SIZE + "E\n",
    "shells": "RUN " + 'sh -c "$(curl http://a)";' * (SIZE // 4),
    "defaults": "FROM " + "${a:-" * SIZE,
    "stages": "ENV a=1 b=2\n" + "FROM a AS b\nFROM b AS c\n" * SIZE,
    "doubling": "ENV a=aaaaaaaa\n" + "ENV a=$a$a\n" * 60 + "RUN $a\n",
    "pattern": "ARG a=" + "a" * 2000 + "\nFROM x${a##" + "*a" * 200 + "b}\n",
    "nested-json": "CMD " + "[" * SIZE,
    "triggers": "ONBUILD " * SIZE,
    "documents": "RUN " + "<<E " * SIZE,
    "mounts": "RUN --mount=" + "from=a," * SIZE + " x",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_bounded_time(text: str) -> None:
    started = time.process_time()
    try:
        check(FROM + text)
    except BuildStepError as error:
        assert len(error.message) < 500
    assert time.process_time() - started < 8


def test_what_is_beside_a_dockerfile(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    assert look_around(path, tmp_path) == Facts()
    (tmp_path / "olos.lock").touch()
    (tmp_path / "Dockerfile.dockerignore").touch()
    assert look_around(path, tmp_path) == Facts(has_ignore_file=True, locked=True)


def test_the_worst_of_a_line_comes_first() -> None:
    severities = [f.rule.severity for f in check(FROM + "RUN useradd $(hostname) && date\n")]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
