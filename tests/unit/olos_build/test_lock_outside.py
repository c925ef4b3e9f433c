"""What a Dockerfile takes from outside, and how a lock replaces exactly the right words."""

from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import MismatchError
from olos_build.dockerfile import decode
from olos_build.lock import Document, Lock, LockedCommit, LockedDownload, LockedImage
from olos_build.locked import plan
from olos_build.outside import Unpinnable, base_reference, wanted

COMMIT = "0123456789abcdef" * 2 + "01234567"
SHA = Digest.sha256(b"x")


def image(reference: str, name: str) -> LockedImage:
    manifest = Document(Digest.sha256(reference.encode()), "application/vnd.oci.image.manifest.v1+json")
    return LockedImage(
        reference=reference, name=name, index=None, manifest=manifest, config=SHA, layers=(SHA,)
    )


A = image("a:1", "docker.io/library/a")
B = image("r.example/b", "r.example/b")
LOCK = Lock(
    images=(A, B),
    downloads=(LockedDownload("http://h/x.tgz", SHA, 1), LockedDownload("https://h/y%20z?q", SHA, 1)),
    commits=(LockedCommit("https://h/r.git#main:sub", COMMIT), LockedCommit("git@h:r", COMMIT)),
    builder="buildah",
    builder_version="",
    olos_version="",
    source_date_epoch=0,
)
PLACE = f"/{SHA.hex[:16]}"
FOLDER = plan(decode(b"FROM scratch\n", Path("D")), LOCK, (), None).folder

REPLACED = {
    "plain": ("FROM a:1\n", "FROM {A}\n"),
    "name": ("FROM a:1 AS a\nFROM a\n", "FROM {A} AS a\nFROM a\n"),
    "named-like-it": ("FROM a:1 AS a:1x\n", "FROM {A} AS a:1x\n"),
    "argument": ("ARG N=a V\nFROM $N:1\nFROM ${N}:${V:-1}", "ARG N=a V\nFROM {A}\nFROM {A}"),
    "platform": ("FROM --platform=linux/amd64 a:1", "FROM --platform=linux/amd64 {A}"),
    "case-and-blanks": ("from\t a:1   as x\n", "from\t {A}   as x\n"),
    "continued": ("FROM \\\n# from a:1\n a:1 \\\n AS x\n", "FROM \\\n# from a:1\n {A} \\\n AS x\n"),
    "crlf": ("# a:1\r\nFROM a:1\r\nRUN echo a:1\r\n", "# a:1\r\nFROM {A}\r\nRUN echo a:1\r\n"),
    "byte-order-mark": ("\ufeffFROM a:1\n", "FROM {A}\n"),
    "escape": ("# escape=`\nFROM `\n a:1\n", "# escape=`\nFROM `\n {A}\n"),
    "copy": ("FROM scratch\nCOPY --from=a:1 /a:1 /", "FROM scratch\nCOPY --from={A} /a:1 /"),
    "copy-of-stage": (
        "FROM a:1 AS b\nFROM scratch\nCOPY --from=b / /",
        "FROM {A} AS b\nFROM scratch\nCOPY --from=b / /",
    ),
    "copy-by-number": (
        "FROM a:1\nFROM scratch\nCOPY --from=0 / /",
        "FROM {A}\nFROM scratch\nCOPY --from=0 / /",
    ),
    "mounts": (
        "FROM scratch\nRUN --mount=type=bind,from=a:1,target=/x --mount=from=a:1,target=/y \\\n"
        " --mount=from=r.example/b,target=/from=a:1 x --mount=from=a:1\n",
        "FROM scratch\nRUN --mount=type=bind,from={A},target=/x --mount=from={A},target=/y \\\n"
        " --mount=from={B},target=/from=a:1 x --mount=from=a:1\n",
    ),
    "heredoc": ("FROM a:1\nRUN <<E\nFROM a:1\nE\n", "FROM {A}\nRUN <<E\nFROM a:1\nE\n"),
    "onbuild": ("FROM a:1\nONBUILD COPY --from=a:1 / /\n", "FROM {A}\nONBUILD COPY --from=a:1 / /\n"),
    "download": ("FROM scratch\nADD http://h/x.tgz /d/\n", "FROM scratch\nCOPY --from={F} {P}/x.tgz /d/\n"),
    "download-flags": (
        "FROM scratch\nadd --chown=1:2  --checksum=sha256:{S} http://h/x.tgz \\\n  /d\n",
        "FROM scratch\nCOPY --from={F} --chown=1:2   {P}/x.tgz \\\n  /d\n",
    ),
    "download-json": (
        'FROM scratch\nADD ["http://h/x.tgz", "/a b/"]\n',
        'FROM scratch\nCOPY --from={F} ["{P}/x.tgz", "/a b/"]\n',
    ),
    "download-variable": (
        "ARG H=h\nFROM scratch\nARG H\nENV N=x\nADD http://$H/${N}.tgz /d/\n",
        "ARG H=h\nFROM scratch\nARG H\nENV N=x\nCOPY --from={F} {P}/x.tgz /d/\n",
    ),
    "local-add": ("FROM scratch\nADD x.tgz http /d/\n", "FROM scratch\nADD x.tgz http /d/\n"),
    "git": (
        "FROM scratch\nADD https://h/r.git#main:sub git@h:r /d/\n",
        "FROM scratch\nADD https://h/r.git#{C}:sub git@h:r#{C} /d/\n",
    ),
    "scratch": ("FROM scratch\nCOPY --from=scratch / /\n", "FROM scratch\nCOPY --from=scratch / /\n"),
}


def filled(text: str) -> str:
    values = {"A": A.pinned, "B": B.pinned, "F": FOLDER, "P": PLACE, "C": COMMIT, "S": SHA.hex}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.parametrize("case", REPLACED)
def test_exactly_the_right_words_are_replaced(case: str) -> None:
    before, after = map(filled, REPLACED[case])
    planned = plan(decode(before.encode(), Path("D")), LOCK, (), None)
    assert planned.missing == ()
    assert planned.dockerfile.content.decode("utf-8-sig") == after
    lines = [(i.line, i.last_line, i.keyword) for i in decode(before.encode(), Path("D")).instructions]
    kept = [(i.line, i.last_line, i.keyword) for i in planned.dockerfile.instructions]
    assert [line[:2] for line in kept] == [line[:2] for line in lines]


def test_build_arguments_decide_which_image_it_is() -> None:
    dockerfile = decode(b"ARG N=other\nFROM $N\n", Path("D"))
    assert plan(dockerfile, LOCK, (("N", "a:1"),), None).images == (A,)
    (missing,) = plan(dockerfile, LOCK, (), None).missing
    assert (missing.line, missing.what) == (2, "image other")


UNPINNABLE = {
    "unknown-argument": ("ARG N\nFROM $N\n", 2, "image $N", "no value"),
    "other-platform": ("FROM --platform=linux/arm64 a:1\n", 1, "image a:1", "taken for linux/arm64"),
    "cut": ("FROM a\\\n:1\n", 1, "image a:1", "one piece"),
    "quoted-flag": ('FROM scratch\nCOPY --from="a:1" / /\n', 2, "image a:1", "one piece"),
    "mixed": ("FROM scratch\nADD http://h/x.tgz y /\n", 2, "download http://h/x.tgz", "of their own"),
    "unpack": ("FROM scratch\nADD --unpack=true http://h/x.tgz /\n", 2, "download http://h/x.tgz", "unpack"),
    "odd-name": ("FROM scratch\nADD http://h/a%20b /\n", 2, "download http://h/a%20b", "unusual"),
    "dots": ("FROM scratch\nADD http://h/%2e%2e /\n", 2, "download http://h/%2e%2e", "unusual"),
    "glob": ("FROM scratch\nADD http://h/[x] /\n", 2, "download http://h/[x]", "unusual"),
    "variable-of-the-base": ("FROM a:1\nADD http://h/$V /\n", 2, "download http://h/$V", "no value here"),
    "all-variable": ("FROM a:1\nADD $URL /\n", 2, "download $URL", "no value here"),
}


@pytest.mark.parametrize("case", UNPINNABLE)
def test_what_cannot_be_pinned_is_named(case: str) -> None:
    text, line, what, reason = UNPINNABLE[case]
    dockerfile = decode(text.encode(), Path("D"))
    (found,) = [item for item in wanted(dockerfile, {}, None) if isinstance(item, Unpinnable)]
    assert (found.line, found.what) == (line, what)
    assert reason in found.reason
    assert found in plan(dockerfile, LOCK, (), None).missing


def test_what_the_lock_does_not_have_stays_as_it_is() -> None:
    text = b"FROM c\nADD http://h/other /\nADD git://h/x /\n"
    planned = plan(decode(text, Path("D")), LOCK, (), None)
    assert planned.dockerfile.content == text
    assert [(item.line, item.what) for item in planned.missing] == [
        (1, "image c"),
        (2, "download http://h/other"),
        (3, "git git://h/x"),
    ]


@pytest.mark.parametrize(("stage", "number"), [("one", 1), ("0", 1), ("TWO", 2), (None, 3)])
def test_a_target_ends_what_is_looked_at(stage: str | None, number: int) -> None:
    dockerfile = decode(b"FROM a:1 AS one\nFROM a:1 AS two\nFROM a:1 AS three\n", Path("D"))
    assert len(list(wanted(dockerfile, {}, stage))) == number


@pytest.mark.parametrize(
    ("text", "stage", "base"),
    [
        ("FROM a:1\n", None, "a:1"),
        ("FROM scratch\n", None, "scratch"),
        ("FROM a:1 AS x\nFROM b\nFROM x\nFROM c\n", "2", "a:1"),
        ("ARG N=z\nFROM a:1 AS x\nFROM $N\n", None, "z"),
    ],
    ids=["plain", "scratch", "parents", "argument"],
)
def test_the_base_of_what_is_built(text: str, stage: str | None, base: str) -> None:
    assert base_reference(decode(text.encode(), Path("D")), {}, stage) == base


def test_a_checksum_that_contradicts_the_lock() -> None:
    text = f"FROM scratch\nADD --checksum=sha256:{'0' * 64} http://h/x.tgz /\n"
    with pytest.raises(MismatchError, match="line 2: --checksum does not match"):
        plan(decode(text.encode(), Path("D")), LOCK, (), None)
