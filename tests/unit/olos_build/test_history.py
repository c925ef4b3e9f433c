"""Steps of a history and the lines that made them, in the words of each builder.

The words are those of buildah 1.28, Docker Engine 20.10 and BuildKit; tests/integration/test_origins.py asks
the builders themselves.
"""

from pathlib import Path

import pytest

from olos_build.dockerfile import load
from olos_build.history import lines_of_steps

BASE = ["/bin/sh -c #(nop) ADD file:1 in / ", '/bin/sh -c #(nop)  CMD ["bash"]']
DOCKERFILE = """\
# A comment.
ARG BASE=debian
FROM ${BASE}
ARG WHO
ENV X=1 Y="two words" \\
    Z=3
RUN echo $WHO > /who && \\
    # inside
    echo   two
COPY --chown=1:2 ["a", "b c", "/dst/"]
copy a .
ADD a $X/d
run ["/bin/true", "x"]
RUN --mount=type=cache,target=/c make
CMD ["a"]
"""
LINES = (4, 5, 7, 10, 11, 12, 13, 14, 15)
BUILDAH = [
    "/bin/sh -c #(nop) ARG WHO",
    '/bin/sh -c #(nop) ENV X=1 Y="two words"     Z=3',
    "|1 WHO=you /bin/sh -c echo $WHO > /who &&     echo   two",
    "/bin/sh -c #(nop) COPY multi:ae0e in /dst/ ",
    "/bin/sh -c #(nop) COPY file:ae0e in . ",
    "/bin/sh -c #(nop) ADD file:ae0e in 1/d ",
    '|1 WHO=you /bin/sh -c ["/bin/true", "x"]',
    "|1 WHO=you /bin/sh -c make",
    '/bin/sh -c #(nop) CMD ["a"]',
]
ENGINE = [
    "/bin/sh -c #(nop)  ARG WHO",
    "/bin/sh -c #(nop)  ENV X=1 Y=two words Z=3",
    "|1 WHO=you /bin/sh -c echo $WHO > /who &&     echo   two",
    "/bin/sh -c #(nop) COPY --chown=1:2multi:17ba in /dst/ ",
    "/bin/sh -c #(nop) COPY file:17ba in /w ",
    "/bin/sh -c #(nop) ADD file:17ba in 1/d ",
    "|1 WHO=you /bin/true x",
    "|1 WHO=you /bin/sh -c make",
    '/bin/sh -c #(nop)  CMD ["a"]',
]
BUILDKIT = [
    "ARG WHO",
    "ENV X=1 Y=two words Z=3",
    "RUN |1 WHO=you /bin/sh -c echo $WHO > /who &&     echo   two # buildkit",
    "COPY --chown=1:2 a b c /dst/ # buildkit",
    "COPY a . # buildkit",
    "ADD a 1/d # buildkit",
    "RUN |1 WHO=you /bin/true x # buildkit",
    "RUN |1 WHO=you /bin/sh -c make # buildkit",
    'CMD ["a"]',
]


def lines(folder: Path, text: str, steps: list[str], stage: str | None = None) -> tuple[int | None, ...]:
    (folder / "Dockerfile").write_text(text)
    return lines_of_steps(load(folder / "Dockerfile"), stage, steps)


@pytest.mark.parametrize("steps", [BUILDAH, ENGINE, BUILDKIT], ids=["buildah", "engine", "buildkit"])
@pytest.mark.parametrize("base", [BASE, []], ids=["on a base", "alone"])
def test_builders(tmp_path: Path, steps: list[str], base: list[str]) -> None:
    assert lines(tmp_path, DOCKERFILE, base + steps) == (None,) * len(base) + LINES


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("COPY a /x", "/bin/sh -c #(nop) COPY file:1 in /y "),
        ("COPY a /x", "/bin/sh -c cp a /x"),
        ("COPY a /x", "/bin/sh -c #(nop) ADD file:1 in /x "),
        ("RUN true", "/bin/sh -c false"),
        ("RUN true", "/bin/sh -c #(nop) CMD true"),
        ("RUN true", "CMD true"),
        ("RUN true", ""),
        ("ENV A=b", "/bin/sh -c echo ENV A=b"),
        ("RUN echo <<X\nsomething\nX", "CMD something"),
    ],
)
def test_another_step(tmp_path: Path, text: str, step: str) -> None:
    assert lines(tmp_path, f"FROM x\n{text}\n", [*BASE, step]) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("COPY a /x//y/", "COPY a /x/y/ # buildkit"),
        ("COPY <<X /x\nsomething\nX", "COPY <<X /x # buildkit"),
        ("RUN echo <<X\nsomething\nX", "RUN /bin/sh -c something\n # buildkit"),
        ("RUN echo '#(nop) ENV'", "/bin/sh -c echo '#(nop) ENV'"),
        ("RUN printf 'a\\\nb'", "/bin/sh -c printf 'ab'"),
        ('RUN ["COPY", "x"]', "COPY x"),
    ],
)
def test_the_same_step(tmp_path: Path, text: str, step: str) -> None:
    assert lines(tmp_path, f"FROM x\n{text}\n", [*BASE, step]) == (None, None, 2)


STAGES = """\
FROM debian AS Base
RUN a
FROM base AS other
RUN b
FROM debian
RUN c
FROM other
RUN d
"""


@pytest.mark.parametrize(
    ("stage", "steps", "expected"),
    [
        (None, "abd", (None, None, 2, 4, 8)),
        ("BASE", "a", (None, None, 2)),
        ("other", "ab", (None, None, 2, 4)),
        ("2", "c", (None, None, 6)),
        ("1", "ab", (None, None, 2, 4)),
        (None, "bad", (None,) * 5),
    ],
    ids=["last", "by name", "made from another", "by number", "second", "other steps"],
)
def test_stages(tmp_path: Path, stage: str | None, steps: str, expected: tuple[int | None, ...]) -> None:
    history = [*BASE, *(f"/bin/sh -c {letter}" for letter in steps)]
    assert lines(tmp_path, STAGES, history, stage) == expected


def test_fewer_steps_than_instructions(tmp_path: Path) -> None:
    assert lines(tmp_path, "FROM scratch\nRUN a\nRUN b\n", ["/bin/sh -c b"]) == (None,)


def test_a_stage_without_instructions(tmp_path: Path) -> None:
    assert lines(tmp_path, "FROM x\n", BASE) == (None, None)
