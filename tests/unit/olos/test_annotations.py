"""Annotations: what is written is read again, and nothing else is read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olos.annotations import Annotations, Step, load
from olos.canonical import JSON, decode, encode
from olos.digest import Digest
from olos.errors import InputError
from olos.layout import ANNOTATIONS, MANIFEST, open_directory

LAYERS = tuple(Digest.sha256(bytes([number])) for number in range(3))
EXAMPLE = Annotations(
    builder="buildah",
    builder_version="1.28.2",
    olos_version="0.1.0",
    source_date_epoch=7,
    config_digest=Digest.sha256(b"config"),
    layers=LAYERS,
    history=(
        Step("/bin/sh -c #(nop) ADD file:1 in / ", False),
        Step('/bin/sh -c #(nop)  CMD ["bash"]', True),
        Step("/bin/sh -c make", False, 4),
        Step("/bin/sh -c #(nop) ENV A=b", True, 5),
        Step("/bin/sh -c #(nop) COPY file:2 in /x ", False, 6),
    ),
    origins=((2, 0), (5, 1), (1, 3), (1, 1)),
)


def test_written_and_read() -> None:
    assert Annotations.decode(EXAMPLE.encode(), "here") == EXAMPLE


def test_the_bytes_are_canonical() -> None:
    value = decode(EXAMPLE.encode(), where="")
    assert isinstance(value, dict)
    assert list(value) == sorted(value)
    assert value["origins"] == [[2, 0], [5, 1], [1, 3], [1, 1]]
    assert value["history"][0] == {"created_by": "/bin/sh -c #(nop) ADD file:1 in / ", "empty_layer": False}
    assert value["history"][2] == {"created_by": "/bin/sh -c make", "empty_layer": False, "line": 4}


def test_rules_of_scrubbing_are_there_if_there_are_some() -> None:
    assert "scrub" not in document()
    scrubbed = replace(EXAMPLE, scrub=("apt", "pyc"))
    assert decode(scrubbed.encode(), where="") == {**document(), "scrub": ["apt", "pyc"]}
    assert Annotations.decode(scrubbed.encode()) == scrubbed


def test_origins() -> None:
    expected = [0, 0, 1, 1, 1, 1, 1, 3, 1]
    assert EXAMPLE.entries == len(expected)
    assert list(EXAMPLE.origin_of_entries()) == expected
    assert [EXAMPLE.origin(index) for index in range(len(expected))] == expected
    for index in (-1, len(expected)):
        with pytest.raises(IndexError):
            EXAMPLE.origin(index)


def test_nothing_is_known() -> None:
    nothing = replace(EXAMPLE, layers=(), history=(), origins=())
    assert (nothing.entries, list(nothing.origin_of_entries()), nothing.base_layers) == (0, [], ())
    assert Annotations.decode(nothing.encode(), "") == nothing


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=20))
def test_one_by_one_or_at_a_stroke(runs: list[tuple[int, int]]) -> None:
    annotations = replace(EXAMPLE, origins=tuple(runs))
    found = [annotations.origin(index) for index in range(annotations.entries)]
    assert found == list(annotations.origin_of_entries())


def test_steps_of_layers() -> None:
    steps = [step and step.line for step in map(EXAMPLE.step, range(-1, 5))]
    assert steps == [None, None, None, 4, 6, None]
    assert EXAMPLE.step(1) == EXAMPLE.history[0]


def test_a_history_that_does_not_fit_the_layers_says_nothing() -> None:
    cut = replace(EXAMPLE, history=EXAMPLE.history[:3])
    assert [cut.step(layer) for layer in range(4)] == [None] * 4
    assert cut.base_layers == LAYERS


@pytest.mark.parametrize(
    ("lines", "count"),
    [((None, None, 4, 5, 6), 1), ((1, 2, 3, 4, 5), 0), ((None, None, None, 4, 5), 2), ((None,) * 5, 3)],
    ids=["base", "scratch", "a base of two layers", "not built here"],
)
def test_base_layers(lines: tuple[int | None, ...], count: int) -> None:
    steps = tuple(replace(step, line=line) for step, line in zip(EXAMPLE.history, lines, strict=True))
    assert replace(EXAMPLE, history=steps).base_layers == LAYERS[:count]


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("/bin/sh -c #(nop) COPY file:1 in /x ", "COPY file:1 in /x"),
        ("/bin/bash -o pipefail -c #(nop)  ENV A=1", "ENV A=1"),
        ("/bin/sh -c make &&     make  install", "RUN make && make install"),
        ("|2 A=1 B=two words /bin/sh -c make", "RUN make"),
        ("RUN |1 A=1 /bin/sh -c make # buildkit", "RUN make"),
        ("COPY a /x # buildkit", "COPY a /x"),
        ("/bin/sh -c echo '#(nop) ENV'", "RUN echo '#(nop) ENV'"),
        ("debootstrap", "debootstrap"),
        ("RUN /bin/sh -c one\ntwo\n # buildkit", "RUN one two"),
        ("RUN /bin/sh -c make # buildkit", "RUN make"),
        ("COPY /bin/sh -c x", "COPY /bin/sh -c x"),
        ("/bin/sh -c echo \x1b", "RUN echo \x1b"),
        ("", ""),
    ],
)
def test_instruction(created_by: str, instruction: str) -> None:
    assert Step(created_by, False).instruction == instruction


def document() -> dict[str, JSON]:
    value = decode(EXAMPLE.encode(), where="")
    assert isinstance(value, dict)
    return value


def with_step(**members: JSON) -> dict[str, JSON]:
    return {**document(), "history": [{"created_by": "x", "empty_layer": False, **members}]}


WRONG: dict[str, tuple[Callable[[], JSON], str]] = {
    "no object": (list, "here: expected an object"),
    "empty": (dict, "here.schema: missing"),
    "other schema": (lambda: {**document(), "schema": "olos-annotations/2"}, "is none of"),
    "unknown key": (lambda: {**document(), "time": 1}, "here.time: unknown key"),
    "unknown key of the builder": (
        lambda: {**document(), "builder": {"name": "x", "version": "1", "host": "h"}},
        "here.builder.host: unknown key",
    ),
    "unknown key of a step": (lambda: with_step(created=1), r"here.history\[0\].created: unknown key"),
    "missing": (lambda: {k: v for k, v in document().items() if k != "origins"}, "here.origins: missing"),
    "line 0": (lambda: with_step(line=0), r"here.history\[0\].line: 0 is not from 1"),
    "line null": (lambda: with_step(line=None), "expected a whole number, found null"),
    "flag": (lambda: with_step(empty_layer=0), "expected true or false"),
    "digest": (lambda: {**document(), "image": {"config_digest": "x", "layers": []}}, "is no digest"),
    "run of three": (
        lambda: {**document(), "origins": [[1, 2, 3]]},
        r"here.origins\[0\]: expected a list of two",
    ),
    "run as text": (lambda: {**document(), "origins": ["11"]}, r"here.origins\[0\]: expected a list of two"),
    "empty run": (lambda: {**document(), "origins": [[0, 1]]}, r"here.origins\[0\]\[0\]: 0 is not from 1"),
    "unknown layer": (lambda: {**document(), "origins": [[1, 4]]}, "there is no layer 4, only 3"),
    "negative layer": (lambda: {**document(), "origins": [[1, -1]]}, "-1 is not from 0"),
    "run twice": (lambda: {**document(), "origins": [[1, 2], [1, 2]]}, r"origins\[1\]: of the same layer"),
    "epoch": (lambda: {**document(), "source_date_epoch": True}, "expected a whole number"),
    "no rules": (lambda: {**document(), "scrub": []}, "here.scrub: expected names in order"),
    "rules twice": (lambda: {**document(), "scrub": ["a", "a"]}, "here.scrub: expected names in order"),
    "rules out of order": (
        lambda: {**document(), "scrub": ["b", "a"]},
        "here.scrub: expected names in order",
    ),
    "rule as number": (lambda: {**document(), "scrub": [1]}, r"here.scrub\[0\]: expected a string"),
}


@pytest.mark.parametrize(("value", "message"), WRONG.values(), ids=WRONG)
def test_wrong_documents(value: Callable[[], JSON], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Annotations.decode(encode(value()), "here")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        EXAMPLE.encode() + b"\n",
        EXAMPLE.encode()[:-1] + b',"schema":"olos-annotations/1"}',
    ],
    ids=["empty", "cut", "not UTF-8", "not canonical", "a key twice"],
)
def test_wrong_bytes(data: bytes) -> None:
    with pytest.raises(InputError, match="^here: "):
        Annotations.decode(data, "here")


def test_load(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b"{}")
    assert load(open_directory(tmp_path)) is None
    (tmp_path / ANNOTATIONS).write_bytes(EXAMPLE.encode())
    assert load(open_directory(tmp_path)) == EXAMPLE
    (tmp_path / ANNOTATIONS).write_bytes(b"{}")
    with pytest.raises(InputError, match=r"annotations\.json\.schema: missing"):
        load(open_directory(tmp_path))
