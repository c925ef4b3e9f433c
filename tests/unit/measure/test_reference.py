"""Reference files: what is written is read again, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.layout import Measured
from measure.reference import MAX_BYTES, Input, InputChange, Reference, changed_inputs, load, of
from measure.regions import measurement
from olos.annotations import Annotations, Step
from olos.digest import Digest
from olos.errors import InputError
from olos.layout import Layout
from olos.manifest import MANIFEST_LIMIT
from support.manifests import manifest_of

LAYERS = tuple(Digest.sha256(bytes([i])) for i in range(3))
ANNOTATIONS = Annotations(
    builder="buildah",
    builder_version="1.2",
    olos_version="0.1.0",
    source_date_epoch=7,
    config_digest=Digest.sha256(b"config"),
    layers=LAYERS,
    history=(Step("base", False), Step("base 2", False), Step("COPY", False, 2)),
    origins=(),
)


def reference(**changes: Any) -> Reference:
    manifest = manifest_of(**changes)
    return Reference(measurement(manifest), manifest, (Input("base layer 1", str(LAYERS[0])),))


def document(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(reference().encode())
    return value | changes


def decoded(value: object) -> Reference:
    return Reference.decode(json.dumps(value).encode(), where="ref")


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_what_is_written_is_read(args: list[str], inputs: list[tuple[str, str]]) -> None:
    manifest = manifest_of(args=tuple(args))
    items = tuple(Input(name, value) for name, value in dict(inputs).items())
    written = Reference(measurement(manifest), manifest, items)
    assert Reference.decode(written.encode(), where="ref") == written


def test_one_value_a_line_and_nothing_that_can_hide() -> None:
    args = ("/bin/app", "\u202e\x1b[2J\u00fc\n")
    lines = reference(args=args).encode().decode("ascii").split("\n")
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)
    assert all(line.count('": "') <= 1 for line in lines)
    assert f'  "measurement": "{measurement(manifest_of(args=args)).hex}",' in lines
    assert lines[-3] == '  "schema": "olos-reference/1"'


def test_blanks_and_order_do_not_matter() -> None:
    """Tools for version control may change the ends of lines."""
    text = json.dumps(document(), sort_keys=False).replace(", ", ",\r\n")
    assert Reference.decode(text.encode(), where="ref") == reference()


def test_the_largest_manifest_fits() -> None:
    manifest = manifest_of(args=("/", "\u00fc" * ((MANIFEST_LIMIT - 2000) // 2)))
    assert len(manifest.encode()) > MANIFEST_LIMIT - 3000
    many = manifest_of(args=("a",) * ((MANIFEST_LIMIT - 2000) // 4))
    for each in (manifest, many):
        written = Reference(measurement(each), each)
        assert len(written.encode()) <= MAX_BYTES
        assert Reference.decode(written.encode(), where="ref") == written


OTHER = measurement(manifest_of(args=("other",))).hex
WRONG = {
    "another-schema": (document(schema="olos-reference/2"), "ref: is no reference"),
    "no-schema": ({"measurement": OTHER}, "ref: is no reference"),
    "a-manifest": (json.loads(manifest_of().encode()), "ref: is no reference"),
    "a-list": ([], "ref: expected an object, found a list"),
    "unknown-key": (document(extra=1), "ref.extra: unknown key"),
    "unknown-key-of-an-input": (
        document(inputs=[{"name": "a", "value": "b", "x": 1}]),
        r"ref.inputs\[0\].x: unknown key",
    ),
    "no-measurement": ({k: v for k, v in document().items() if k != "measurement"}, "measurement: missing"),
    "upper-case": (document(measurement=OTHER.upper()), "is not 64 lower-case"),
    "a-number": (document(measurement=12), "ref.measurement: expected a string"),
    "contradiction": (document(measurement=OTHER), "contradict each other"),
    "changed-manifest": (
        document(manifest=document()["manifest"] | {"app": document()["manifest"]["app"] | {"cwd": "/x"}}),
        "contradict each other",
    ),
    "no-manifest": (document(manifest=None), "ref.manifest: expected an object"),
    "manifest-with-more": (
        document(manifest=document()["manifest"] | {"x": 1}),
        "ref.manifest.x: unknown key",
    ),
    "inputs-no-list": (document(inputs={}), "ref.inputs: expected a list"),
    "input-no-object": (document(inputs=["a"]), r"ref.inputs\[0\]: expected an object"),
    "input-of-a-number": (document(inputs=[{"name": "a", "value": 1}]), "value: expected a string"),
    "input-twice": (document(inputs=[{"name": "a", "value": "b"}] * 2), "ref.inputs: a name stands twice"),
    "too-large-a-number": (document(manifest={"schema": 2**60}), "has no canonical form"),
}


@pytest.mark.parametrize(("value", "says"), WRONG.values(), ids=WRONG)
def test_refuses(value: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        decoded(value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Expecting value"),
        (b"\xff", "not UTF-8"),
        (b'{"schema":"olos-reference/1","schema":"olos-reference/1"}', "appears twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema":"olos-reference/1","manifest":{"a":"\\ud800"}}', "no canonical form"),
        (b"<<<<<<< HEAD\n" + reference().encode(), "Expecting value"),
    ],
    ids=["empty", "no-text", "key-twice", "deep", "lone-surrogate", "merge-conflict"],
)
def test_refuses_bytes(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=f"ref.*{says}"):
        Reference.decode(data, where="ref")


def test_files(tmp_path: Path) -> None:
    (tmp_path / "ref").write_bytes(reference().encode())
    assert load(tmp_path / "ref") == reference()
    with pytest.raises(InputError, match="missing: cannot be read: No such file"):
        load(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(InputError, match="more than"):
        load(Path("/dev/zero"))


def test_inputs_are_what_is_the_same_in_each_build(tmp_path: Path) -> None:
    measured = Measured(Layout(tmp_path, False, ()), manifest_of(), measurement(manifest_of()))
    assert of(measured, None).inputs == ()
    assert of(measured, ANNOTATIONS).inputs == (
        Input("base layer 1", str(LAYERS[0])),
        Input("base layer 2", str(LAYERS[1])),
        Input("olos version", "0.1.0"),
        Input("source_date_epoch", "7"),
    )
    scrubbed = of(measured, replace(ANNOTATIONS, scrub=("apt", "pyc")))
    assert scrubbed.inputs[-1] == Input("scrub", "apt, pyc")


def test_changed_inputs() -> None:
    old, new = (
        Reference(reference().measurement, reference().manifest, tuple(Input(*pair) for pair in pairs))
        for pairs in ((("a", "1"), ("b", "2"), ("c", "3")), (("a", "1"), ("b", "4"), ("d", "5")))
    )
    assert changed_inputs(old, new) == (
        InputChange("b", "2", "4"),
        InputChange("c", "3", None),
        InputChange("d", None, "5"),
    )
    unknown = Reference(old.measurement, old.manifest)
    assert changed_inputs(old, old) == changed_inputs(old, unknown) == changed_inputs(unknown, new) == ()
