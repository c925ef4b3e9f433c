"""ARGs that olos adds behind FROM: where they stand, and that lines are counted without them."""

from pathlib import Path

import pytest

from olos_build.builders.protocol import BuildRequest, Extras
from olos_build.builders.variables import with_arguments
from olos_build.dockerfile import Dockerfile, decode
from olos_build.history import lines_of_steps

EPOCH = "SOURCE_DATE_EPOCH"


def added(text: str, *names: str) -> Dockerfile:
    return with_arguments(decode(text.encode(), Path("Dockerfile")), names or ("E",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN b\n", "FROM a\nARG E\nRUN b\n"),
        ("FROM a\nRUN b", "FROM a\nARG E\nRUN b"),
        ("FROM a\nCOPY b /\n", "FROM a\nCOPY b /\n"),
        ("FROM a\nONBUILD RUN b\n", "FROM a\nONBUILD RUN b\n"),
        ("FROM a\nARG E\nRUN b\n", "FROM a\nARG E\nRUN b\n"),
        ("FROM a\nARG X E=1\nRUN b\n", "FROM a\nARG X E=1\nRUN b\n"),
        ("FROM a\nRUN b\nARG E\n", "FROM a\nARG E\nRUN b\nARG E\n"),
        ("ARG E\nFROM a\nRUN b\n", "ARG E\nFROM a\nARG E\nRUN b\n"),
        ("FROM a AS x\nRUN b\nFROM c\nFROM x\nRUN d\nRUN e", None),
        ("# escape=`\nFROM `\n# comment\n  a\n\nRUN b", "# escape=`\nFROM `\n# comment\n  a\nARG E\n\nRUN b"),
        ("\ufeffFROM a\r\nRUN b\r\n", "FROM a\r\nARG E\nRUN b\r\n"),
        ("FROM a\nRUN <<X\nFROM z\nX\n", "FROM a\nARG E\nRUN <<X\nFROM z\nX\n"),
    ],
    ids=[
        *("one", "no-end", "nothing-runs", "onbuild", "declared", "declared-with-others", "declared-late"),
        *("global", "stages", "escape", "bom-crlf", "heredoc"),
    ],
)
def test_where_they_stand(text: str, expected: str | None) -> None:
    stages = "FROM a AS x\nARG E\nRUN b\nFROM c\nFROM x\nARG E\nRUN d\nRUN e"
    assert added(text).content.decode() == (stages if expected is None else expected)


def test_what_lacks_nothing_stays_the_same() -> None:
    dockerfile = decode(b"FROM a\nCOPY b /\n", Path("x"))
    assert with_arguments(dockerfile, ["E"]) is dockerfile
    assert with_arguments(dockerfile, []) is dockerfile


def test_lines_are_those_of_the_file() -> None:
    text = "FROM a AS x\nRUN b \\\n  c\n\nFROM x\nRUN <<E\nbody\nE\nONBUILD RUN d\n"
    longer = added(text, "E", "F")
    lines = [(i.keyword, i.line, i.last_line) for i in longer.instructions]
    assert lines == [
        *(("FROM", 1, 1), ("ARG", 1, 1), ("ARG", 1, 1), ("RUN", 2, 3)),
        *(("FROM", 5, 5), ("ARG", 5, 5), ("ARG", 5, 5), ("RUN", 6, 8), ("ONBUILD", 9, 9)),
    ]
    run, onbuild = longer.instructions[-2:]
    assert run.heredocs[0].line == 7
    assert onbuild.child is not None
    assert onbuild.child.line == 9
    assert longer.instructions[3].line_at(len("RUN b c")) == 3


def test_lines_as_a_builder_counts_them() -> None:
    longer = added("FROM a\nRUN b\n\nFROM c\nRUN d\n", "E", "F")
    shown = longer.content.decode().splitlines()
    for number, line in enumerate(shown, 1):
        found = longer.at_line(number)
        expected = {"ARG E": "FROM", "ARG F": "FROM", "": None}.get(
            line, line.split(" ")[0] if line else None
        )
        assert (found.keyword if found else None) == expected
    assert longer.at_line(99) is None


def test_history_fits_with_them() -> None:
    longer = added("FROM a\nCOPY x /x\nRUN b\n")
    steps = ["base", "/bin/sh -c #(nop) ARG E", "COPY x /x # buildkit", "|1 E=1 /bin/sh -c b"]
    assert lines_of_steps(longer, None, steps) == (None, 1, 2, 3)


def test_a_request_adds_the_epoch_and_the_variables_that_the_file_does_not_declare(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nARG OWN=1\nRUN b\n")
    extras = Extras(variables=(("TZ", "x"), ("OWN", "y")))
    loaded = BuildRequest(tmp_path / "Dockerfile", tmp_path, extras=extras).load()
    assert loaded.content.decode() == f"FROM a\nARG {EPOCH}\nARG TZ\nARG OWN=1\nRUN b\n"
    assert [name for _, name in loaded.added] == [EPOCH, "TZ"]
