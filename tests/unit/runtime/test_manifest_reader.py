"""The manifest reader in C accepts and refuses the same bytes as olos.manifest."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from olos.canonical import JSON, encode
from olos.errors import InputError
from olos.manifest import Manifest, Mount, Policy
from olos.rlimit import Rlimit
from support.manifests import manifest_of
from support.probe import ask, fuzz

RICH = manifest_of(
    args=("/bin/ä", '"\\\b\t\n\f\r\x01\x1f\x7f', "", "\U0001f600\ue000"),
    env=("PATH=/bin", "A==", "AB=", "A.B=é"),
    policy=Policy(
        host_args="append",
        host_env=("A", "_b.c-d"),
        mounts=(
            Mount("/", "host", True, 0),
            Mount("/data", "tmpfs", False, 1 << 20),
            Mount("/x y", "sealed", False, 2**53 - 1),
        ),
        ports=("443/udp", "65535/sctp", "80/tcp"),
        memory=1 << 46,
        product_id=65535,
        credentials="pem",
        debug=True,
        host_env_patterns=(("A", "[0-9]{1,5}|a*"), ("_b.c-d", r"\.(x|y)+")),
        log_level="debug",
        outgoing=True,
        rlimits=(Rlimit("cpu", 0, 2**53 - 1), Rlimit("nofile", 10, 1 << 20), Rlimit("stack", 1, None)),
    ),
).encode()

VALUES: tuple[JSON, ...] = (
    *(0, 1, -1, 64, 65, 4095, 4096, 8192, 65535, 65536, 1 << 26, (1 << 26) + 1, 2**32 - 2, 2**32 - 1),
    *(2**53 - 1, True, False, None, [], {}, [1, 2], [2, 1], [1, 1], [2**32 - 1], ["a", "a"], [[]], {"a": 1}),
    *("", "a", "A", "/", "//", "/a", "/a/", "/a/../b", "/a/./b", "/.", "/..", "/...", "a/b", ".", "..", "-a"),
    *(("/" + "a" * 255) * 15 + "/" + "a" * 254, ("/" + "a" * 255) * 16, "/" + "a" * 256, "/" + "ü" * 128),
    *("a" * 47, "a" * 48, "0" * 64, "0" * 63, "G" * 64, "A" * 64, "a-"),
    *("a" * 64, "a" * 65, "tmpfs", "host", "none", "append", "linux", "olos/1", "ü", "a\x7f", "a=b", "1a"),
    *(["80/tcp"], ["0/tcp"], ["65536/udp"], ["080/tcp"], ["80/icmp"], ["80/tcp", "9/tcp"], ["A=1", "A=2"]),
    *(["A=1", "AB=2", "A"], ["=x"], ["A"], ["_"], ["1A"], ["A-B", "A.B"], ["é"], ["/bin/app"], [""], "a\0b"),
    *("error", "info", "debug", "unlimited", [1, 2, 3], [1 << 20, 1 << 20]),
    *([1 << 20, (1 << 20) + 1], ["unlimited", "unlimited"], {"A": "a"}, {"B": "a"}, {"A": "^a"}, {"A": 1}),
    *({"as": [0, 0]}, {"nice": [1, 1], "nofile": [1, 1]}, {"ulimit": [1, 1]}, "a{1,2}", "a{2,1}", "(", "()"),
    *("a" * 255, "a" * 256, "a{255}", "(a{16}){16}", "(a{16}){17}", "[]", "[a-]", "[b-a]", "é", "a**"),
)
"""What is put in the place of every value; some are right in one place and wrong in others."""

MIXED: tuple[list[int | str], ...] = ([1, "unlimited"], ["unlimited", 1])
"""The same for limits."""

PIECES = (
    *(rb"\u0000", rb"\u001f", rb"\u001F", rb"\u0008", rb"\/", rb"\ud800", rb"\n", b" ", b"\n", b",", b'"'),
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"00", b"-0", b"1e1", b".0"),
)
"""Spellings that are not canonical, not UTF-8, or only right in some places."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values inside of a document."""
    if path:
        yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in steps:
        yield from places(member, (*path, step))


def edited(path: tuple[Any, ...], edit: str, value: JSON) -> bytes:
    """The rich manifest with one edit, in canonical form."""
    document = json.loads(RICH)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if edit == "put":
        parent[path[-1]] = value
    elif edit == "drop":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.insert(path[-1], value)
    else:
        parent[f"{path[-1]}x"] = value
    return encode(document)


def edits() -> Iterator[bytes]:
    for path in places(json.loads(RICH)):
        yield edited(path, "drop", None)
        yield edited(path, "add", "a")
        for value in (*VALUES, *MIXED):
            yield edited(path, "put", value)


def changed_bytes() -> Iterator[bytes]:
    dice = random.Random(20)
    for _ in range(3000):
        at = dice.randrange(len(RICH))
        length = dice.choice((0, 0, 1, 1, dice.randrange(20)))
        piece = dice.choice((*PIECES, RICH[at : at + dice.randrange(30)], bytes([dice.randrange(256)]), b""))
        yield RICH[:at] + piece + RICH[at + length :]


def accepts(data: bytes) -> bool:
    try:
        Manifest.decode(data)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("source", [edits, changed_bytes])
def test_agrees_with_the_reader_in_python(probe: Path, source: Any) -> None:
    items = [RICH, *source()]
    expected = [accepts(item) for item in items]
    answers = ask(probe, "manifest", items)
    assert 1 < sum(expected) < len(expected)
    for item, wanted, answer in zip(items, expected, answers, strict=True):
        assert answer.startswith("0 " if wanted else "3 olos.json: "), (answer, item)


def test_values(probe: Path) -> None:
    lengths = " ".join(str(len(arg.encode())) for arg in Manifest.decode(RICH).app.args)
    [answer] = ask(probe, "manifest", [RICH])
    assert answer == f"0 args=4 env=4 groups=0 mounts=3 kernel=1 memory={1 << 46} {lengths}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "expected {"),
        (RICH + b"\n", "something follows"),
        (b"[" * 100_000, "expected {"),
        (RICH.replace(b'"debug":true', b'"debug":1'), "expected true or false"),
        (RICH.replace(b'"args"', b'"argz"'), 'expected key "args"'),
        (RICH.replace(b',"schema":"olos/1"', b""), 'key "schema" is missing'),
        (RICH.replace(b'"schema":"olos/1"', b'"schema":"olos/1","x":1'), "unknown key"),
        (b" " * ((1 << 20) + 1), "more than the limit"),
        (RICH[:-1], "expected }"),
        (RICH[:100], ""),
    ],
    ids=["empty", "newline", "deep", "flag", "key", "missing", "unknown", "large", "cut", "cut-inside"],
)
def test_says_what_is_wrong(probe: Path, data: bytes, reason: str) -> None:
    [answer] = ask(probe, "manifest", [data])
    assert answer.startswith("3 olos.json: byte ")
    assert reason in answer


def test_many_variables_take_no_time(probe: Path) -> None:
    env = tuple(f"{number:x}=" for number in range(100_000))
    assert ask(probe, "manifest", [manifest_of(env=env).encode()])[0].startswith("0 args=2 env=100000")


def test_nothing_crashes(probe: Path) -> None:
    assert 0 < fuzz(probe, "manifest", RICH, seed=1, count=100_000) < 100_000
