"""Proofs by liars: none shows anything that is not so, and each is refused by the check that it fails."""

import copy
import json
import random
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measure.layout import Measured
from measure.leaf import MAX_LEAF
from measure.proof.checker import check
from measure.proof.format import PROOF_LIMIT, Absence, Presence, Proof
from measure.proof.paths import spell_path
from olos.canonical import encode
from olos.errors import InputError, MismatchError, OlosError
from olos.tree import Entry, FileType, Inode, Tree
from support.proofs import measured_tree, proof_of, second_opinion, small_tree
from support.trees import Store, tree_of

Json = dict[str, Any]
Forge = Callable[["Stage", Json], None]


class Stage:
    """A measured tree, honest proofs, and the means of a liar: proofs of everything that is so."""

    def __init__(self, folder: Path) -> None:
        store = Store(folder / "store")
        self.tree: Tree = small_tree(store)
        self.measured: Measured = measured_tree(folder / "layout", self.tree)
        names = {b"x%d" % i: store.regular(b"%d" % i) for i in range(len(self.tree) - 1)}
        self.other: Measured = measured_tree(folder / "other", tree_of(names))
        self.entries = {entry.path: entry for entry in self.tree}
        self.order = [entry.path for entry in self.tree]

    def proof(self, path: bytes, *, absent: bool = False) -> Json:
        value: Json = json.loads(proof_of(self.measured, path, absent=absent))
        return value

    def member(self, path: bytes) -> Json:
        """A true entry of the tree."""
        member: Json = self.proof(path)["entry"]
        return member

    def around(self, path: bytes) -> tuple[Json, Json]:
        """The neighbours of a path."""
        after = next(i for i in range(len(self.order)) if self.order[i] > path)
        return self.member(self.order[after - 1]), self.member(self.order[after])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def submit(data: bytes, measured: Measured) -> Proof:
    proof = Proof.decode(data, where="proof")
    check(proof, measured.measurement)
    return proof


def set_(*where: str, to: Any) -> Forge:
    """Write another value into a place of the proof; a function gets the old one."""

    def forge(_: Stage, proof: Json) -> None:
        for key in where[:-1]:
            proof = proof[key]
        proof[where[-1]] = to(proof[where[-1]]) if callable(to) else to

    return forge


def taken(**paths: bytes) -> Forge:
    """Put other entries of the same tree into the proof."""

    def forge(stage: Stage, proof: Json) -> None:
        proof.update({role: stage.member(path) for role, path in paths.items()})

    return forge


def of_another_tree(stage: Stage, proof: Json) -> None:
    proof["entry"] = json.loads(proof_of(stage.other, b"x1"))["entry"]
    proof["path"] = "/x1"


def sections_of_another_tree(stage: Stage, proof: Json) -> None:
    proof.update(json.loads(proof_of(stage.other, b"x1")))


def an_inner_node(stage: Stage, proof: Json) -> None:
    """A hash of the path, and the entry's, are what the node above is made of."""
    proof["entry"]["leaf"] = "01" + 2 * proof["entry"]["audit"].pop(0)


def swapped(_: Stage, proof: Json) -> None:
    proof["left"], proof["right"] = proof["right"], proof["left"]


def remove(*where: str) -> Forge:
    def forge(_: Stage, proof: Json) -> None:
        for key in where[:-1]:
            proof = proof[key]
        del proof[where[-1]]

    return forge


def denied(path: bytes, parent: bytes) -> Forge:
    """The absence of a path, between its true neighbours."""

    def forge(stage: Stage, proof: Json) -> None:
        left, right = stage.around(path)
        proof.update(path="/" + path.decode(), parent=stage.member(parent), left=left, right=right)

    return forge


PRESENT: dict[str, tuple[Forge, str]] = {
    "wrong-index": (set_("entry", "index", to=lambda i: i + 1), "entry .* is not in the tree"),
    "index-behind-the-end": (set_("entry", "index", to=19), "is not in the tree: there is no entry 19"),
    "largest-index": (set_("entry", "index", to=2**53 - 1), "is not in the tree: there is no entry"),
    "another-tree-size": (
        set_("manifest", "rootfs", "entries", to=lambda n: n - 1),
        "measurement of the sections",
    ),
    "another-tree-root": (
        set_("manifest", "rootfs", "tree_root", to=64 * "0"),
        "measurement of the sections",
    ),
    "another-argument": (set_("manifest", "app", "args", to=["/bin/evil"]), "measurement of the sections"),
    "sections-of-another-tree": (sections_of_another_tree, "measurement of the sections"),
    "of-another-tree": (of_another_tree, "entry .* is not in the tree: its root"),
    "another-path": (set_("path", to="/a-b/x"), "the path of the entry in the proof"),
    "another-entry": (taken(entry=b"fifo"), "the path of the entry in the proof"),
    "audit-too-long": (set_("entry", "audit", to=lambda a: [*a, a[0]]), "path is too long"),
    "audit-too-short": (set_("entry", "audit", to=lambda a: a[:-1]), "path is too short"),
    "no-audit": (set_("entry", "audit", to=[]), "path is too short"),
    "audit-in-reverse": (set_("entry", "audit", to=lambda a: a[::-1]), "is not in the tree: its root"),
    "another-mode": (set_("entry", "leaf", to=lambda s: s.replace("66a401", "66ed01")), "its root"),
    "another-content": (set_("entry", "leaf", to=lambda s: s[:-10] + "ee" + s[-8:]), "its root"),
}
ABSENT: dict[str, tuple[Forge, str]] = {
    "not-adjacent": (taken(left=b"a-b", right=b"bin"), "not neighbours: right's index"),
    "neighbours-swapped": (swapped, "the path of left in the proof"),
    "both-left": (taken(right=b"a/x"), "the path of right in the proof"),
    "both-right": (taken(left=b"bin"), "the path of left in the proof"),
    "path-before-both": (set_("path", to="/a"), "the path of left in the proof"),
    "path-behind-both": (set_("path", to="/c"), "the path of right in the proof"),
    "denies-left": (denied(b"a.c", b""), "the path of left in the proof"),
    "denies-right": (set_("path", to="/bin"), "the path of right in the proof"),
    "denies-what-lies-below-left": (set_("path", to="/a/x"), "the path of left in the proof"),
    "no-right": (set_("right", to=None), "right is missing: left's index"),
    "wrong-index-of-left": (set_("left", "index", to=lambda i: i - 1), "left .* is not in the tree"),
    "wrong-index-of-right": (set_("right", "index", to=lambda i: i + 1), "right .* is not in the tree"),
    "wrong-index-of-parent": (set_("parent", "index", to=1), "parent .* is not in the tree"),
    "parent-is-elsewhere": (taken(parent=b"usr"), "the parent in the proof"),
    "parent-of-like-name": (denied(b"a-b/y", b"a"), "the parent in the proof"),
    "parent-is-the-path": (denied(b"a-b", b"a-b"), "the parent in the proof"),
    "parent-too-high": (denied(b"dev/zz", b""), "the path of left in the proof"),
    "behind-a-symlink": (denied(b"bin/sh", b"bin"), "'/bin' is a symlink"),
    "the-root": (set_("path", to="/"), "the parent in the proof"),
}
MALFORMED: dict[str, tuple[Forge, str]] = {
    "no-schema": (remove("schema"), "proof.schema: missing"),
    "another-schema": (set_("schema", to="olos-proof/2"), "is none of olos-proof/1"),
    "another-claim": (set_("claim", to="perhaps"), "proof.claim: 'perhaps' is none of"),
    "the-other-claim": (set_("claim", to="absent"), "proof.parent: missing"),
    "extra-key": (lambda _, p: p.update(extra=1), "proof.extra: unknown key"),
    "extra-entry": (lambda _, p: p.update(left=p["entry"]), "proof.left: unknown key"),
    "extra-key-in-entry": (lambda _, p: p["entry"].update(size=1), "proof.entry.size: unknown key"),
    "extra-key-in-sections": (lambda _, p: p["manifest"].update(x=1), "proof.manifest.x: unknown key"),
    "no-entry": (remove("entry"), "proof.entry: missing"),
    "entry-is-null": (set_("entry", to=None), "proof.entry: expected an object"),
    "no-audit": (remove("entry", "audit"), "proof.entry.audit: missing"),
    "no-sections": (set_("manifest", to={}), "proof.manifest.schema: missing"),
    "sections-are-text": (set_("manifest", to="{}"), "proof.manifest: expected an object"),
    "index-is-text": (set_("entry", "index", to="1"), "proof.entry.index: expected a whole number"),
    "index-is-true": (set_("entry", "index", to=True), "proof.entry.index: expected a whole number"),
    "index-is-negative": (set_("entry", "index", to=-1), "proof.entry.index: -1 is not from 0"),
    "audit-is-text": (set_("entry", "audit", to="00"), "proof.entry.audit: expected a list"),
    "65-hashes": (set_("entry", "audit", to=65 * [64 * "0"]), "65 hashes, more than the limit of 64"),
    "short-hash": (set_("entry", "audit", to=["00"]), r"proof.entry.audit\[0\]: '00' is not 64"),
    "upper-case-hash": (set_("entry", "audit", to=["A" * 64]), r"proof.entry.audit\[0\]: "),
    "hash-is-a-number": (set_("entry", "audit", to=[0]), r"audit\[0\]: expected a string"),
    "leaf-with-trailing-bytes": (set_("entry", "leaf", to=lambda s: s + "00"), "1 bytes behind its end"),
    "leaf-too-short": (set_("entry", "leaf", to=lambda s: s[:-2]), "leaf: is no leaf: ends too early"),
    "leaf-with-half-a-byte": (set_("entry", "leaf", to=lambda s: s + "0"), "not an even number"),
    "leaf-in-upper-case": (set_("entry", "leaf", to=str.upper), "lower-case hexadecimal"),
    "leaf-with-blanks": (set_("entry", "leaf", to=lambda s: " " + s), "lower-case hexadecimal"),
    "leaf-of-another-format": (set_("entry", "leaf", to=lambda s: "00" + s[2:]), "does not begin with"),
    "leaf-too-long": (set_("entry", "leaf", to="00" * (MAX_LEAF + 1)), "more than the limit"),
    "inner-node-as-leaf": (an_inner_node, "leaf: is no leaf"),
    "path-is-relative": (set_("path", to="a/x"), "not an absolute path in normal form"),
    "path-with-a-dot": (set_("path", to="/a/./x"), "not an absolute path in normal form"),
    "path-with-two-slashes": (set_("path", to="//a/x"), "not an absolute path in normal form"),
    "path-with-a-slash-behind": (set_("path", to="/a/x/"), "not an absolute path in normal form"),
    "path-through-above": (set_("path", to="/bin/../a/x"), "not an absolute path in normal form"),
    "path-with-needless-escape": (set_("path", to=r"/\x61/x"), "not the one spelling"),
    "path-with-other-escape": (set_("path", to=r"/a\/x"), "a backslash"),
    "path-with-nul": (set_("path", to="/a/x\0"), "contains a NUL"),
    "path-is-null": (set_("path", to=None), "proof.path: expected a string"),
}


@pytest.mark.parametrize(("forge", "says"), PRESENT.values(), ids=PRESENT)
def test_false_presence(stage: Stage, forge: Forge, says: str) -> None:
    refused(stage, stage.proof(b"a/x"), forge, MismatchError, says)


@pytest.mark.parametrize(("forge", "says"), ABSENT.values(), ids=ABSENT)
def test_false_absence(stage: Stage, forge: Forge, says: str) -> None:
    refused(stage, stage.proof(b"b", absent=True), forge, MismatchError, says)


@pytest.mark.parametrize(("forge", "says"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(stage: Stage, forge: Forge, says: str) -> None:
    refused(stage, stage.proof(b"a/x"), forge, InputError, says)


def refused(stage: Stage, proof: Json, forge: Forge, error: type[OlosError], says: str) -> None:
    submit(encode(proof), stage.measured)
    honest = copy.deepcopy(proof)
    forge(stage, proof)
    assert proof != honest
    with pytest.raises(error, match=says):
        submit(encode(proof), stage.measured)


def unsorted(data: bytes) -> bytes:
    value = json.loads(data)
    return json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode()


TEXTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "Expecting value"),
    "final-newline": (lambda data: data + b"\n", "not in canonical form"),
    "blank": (lambda data: b" " + data, "not in canonical form"),
    "indented": (lambda data: json.dumps(json.loads(data), indent=1).encode(), "not in canonical form"),
    "keys-not-sorted": (unsorted, "not in canonical form"),
    "duplicate-key": (lambda data: data[:-1] + b',"schema":"olos-proof/1"}', "key 'schema' appears twice"),
    "duplicate-key-in-entry": (
        lambda data: data.replace(b'"index":', b'"index":0,"index":'),
        "appears twice",
    ),
    "escape": (lambda data: data.replace(b'"/a/x"', b'"\\u002fa/x"'), "not in canonical form"),
    "escaped-slash": (lambda data: data.replace(b'"/a/x"', b'"\\/a\\/x"'), "not in canonical form"),
    "fraction": (lambda data: data.replace(b'"index":', b'"index":0.'), "is not an integer"),
    "exponent": (lambda data: data.replace(b'"index":', b'"index":1e'), "is not an integer"),
    "nan": (lambda data: data.replace(b'"index":', b'"index":NaN,"x":'), "NaN is not an integer"),
    "byte-order-mark": (lambda data: b"\xef\xbb\xbf" + data, "BOM|Expecting value"),
    "not-utf-8": (lambda data: data.replace(b"/a/x", b"/a/\xff"), "not UTF-8"),
    "two-proofs": (lambda data: data + data, "Extra data"),
    "cut-off": (lambda data: data[:-1], "delimiter"),
    "a-list": (lambda data: b"[" + data + b"]", "expected an object, found a list"),
    "null": (lambda _: b"null", "expected an object, found null"),
    "deep": (lambda _: b"[" * 200_000, "nested too deeply"),
    "deep-objects": (lambda _: b'{"a":' * 100_000, "nested too deeply"),
    "large": (lambda data: data.ljust(PROOF_LIMIT + 1), "more than the limit"),
    "large-number": (lambda data: data.replace(b'"index":', b'"index":' + b"9" * 30), "integers"),
    "very-large-number": (lambda data: data.replace(b'"index":', b'"index":' + b"9" * 10_000), "digits"),
}


@pytest.mark.parametrize(("spoil", "says"), TEXTS.values(), ids=TEXTS)
def test_other_texts(stage: Stage, spoil: Callable[[bytes], bytes], says: str) -> None:
    data = proof_of(stage.measured, b"a/x")
    assert spoil(data) != data
    with pytest.raises(InputError, match=says):
        submit(spoil(data), stage.measured)


@pytest.fixture(scope="module")
def pool(stage: Stage) -> list[Json]:
    """Honest proofs."""
    missing = (b"b", b"a/w", b"usr/bin/zz", b"zz/y", b"dev/null/x")
    present = [stage.proof(path) for path in stage.order]
    return present + [stage.proof(path, absent=True) for path in missing]


def is_true(stage: Stage, proof: Proof) -> bool:
    claim = proof.claim
    known = stage.entries.get(claim.path)
    if isinstance(claim, Presence):
        return known is not None and bare(known) == bare(claim.entry.entry)
    on_the_way = (entry for path, entry in stage.entries.items() if claim.path.startswith(path + b"/"))
    return known is None and all(entry.inode.type is not FileType.SYMLINK for entry in on_the_way)


def bare(entry: Entry) -> tuple[object, ...]:
    """An entry without the place of its content in a file of the host."""
    inode: Inode = entry.inode
    attributes = (inode.mode, inode.uid, inode.gid, inode.mtime, inode.size, inode.target, inode.device)
    return entry.path, entry.link, inode.type, attributes, inode.xattrs


def test_no_combination_of_true_entries_shows_what_is_false(stage: Stage) -> None:
    """Entries that are there, in roles that they do not have."""
    dice = random.Random(1)
    base = stage.proof(b"b", absent=True)
    members = [stage.member(path) for path in stage.order]
    paths = [*stage.order, *(path + b"/sh" for path in stage.order if path), b"b", b"usr/zz", b"zz"]
    believed = 0
    for _ in range(1500):
        path = dice.choice(paths)
        place = dice.choice((max(bisect_left(stage.order, path), 1) - 1, dice.randrange(len(members))))
        above = [member for name, member in zip(stage.order, members, strict=True) if path.startswith(name)]
        proof = {
            **base,
            "path": spell_path(path),
            "parent": dice.choice(dice.choice((above, members))),
            "left": members[place],
            "right": dice.choice([*members[place + 1 : place + 2] * 4, *members[place : place + 3], None]),
        }
        try:
            shown = submit(encode(proof), stage.measured)
        except OlosError:
            continue
        believed += 1
        assert is_true(stage, shown)
    assert believed > 20


@settings(max_examples=1000)
@given(st.randoms(use_true_random=False))
def test_no_mutation_shows_what_is_false(stage: Stage, pool: list[Json], dice: random.Random) -> None:
    proof = copy.deepcopy(dice.choice(pool))
    for _ in range(dice.randrange(1, 4)):
        mutate(proof, dice.choice(pool), dice)
    data = encode(proof)
    if dice.random() < 0.2:
        place = dice.randrange(len(data))
        data = data[:place] + bytes([dice.randrange(256)]) + data[place + 1 :]
    try:
        shown = submit(data, stage.measured)
    except OlosError:
        return
    assert is_true(stage, shown)
    assert second_opinion(data, stage.measured.measurement.hex)[1] == shown.claim.path


def mutate(proof: Json, other: Json, dice: random.Random) -> None:
    """Change one value of a proof, or take it over from another proof."""
    holder, source = proof, other
    while True:
        key = dice.choice(sorted(holder))
        deeper = isinstance(holder[key], dict) and key != "manifest" and dice.random() < 0.7
        if not deeper or not isinstance(source.get(key), dict):
            break
        holder, source = holder[key], source[key]
    change = dice.randrange(4)
    if change == 0 and key in source:
        holder[key] = copy.deepcopy(source[key])
    elif change == 1:
        donor = dice.choice([value for value in other.values() if isinstance(value, dict)])
        holder[key] = copy.deepcopy(donor)
    elif change == 2 and dice.random() < 0.3:
        del holder[key]
    else:
        holder[key] = altered(holder[key], dice)


def altered(value: Any, dice: random.Random) -> Any:
    if isinstance(value, int):
        return value + dice.choice((-2, -1, 1, 2))
    if isinstance(value, list):
        return dice.choice((value[:-1], value[1:], value[::-1], value + value[:1]))
    if isinstance(value, str) and value:
        place = dice.randrange(len(value))
        return value[:place] + dice.choice("0123456789abcdef/x") + value[place + 1 :]
    return None


def test_the_mutations_reach_the_last_checks(stage: Stage) -> None:
    """Else the test above would show nothing."""
    proof = stage.proof(b"b", absent=True)
    assert isinstance(submit(encode(proof), stage.measured).claim, Absence)
    proof["path"] = "/b0"
    assert submit(encode(proof), stage.measured).claim.path == b"b0"
