import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from olos.canonical import encode
from olos.errors import InputError
from olos.manifest import SECTIONS, Manifest, Mount, Policy
from olos.rlimit import Rlimit
from support.manifests import manifest_of

Document = dict[str, Any]


def test_round_trip() -> None:
    policy = Policy(
        host_env=("LANG", "TZ"),
        mounts=(Mount("/data", "tmpfs", False, 1 << 20), Mount("/x", "host", True, 0)),
        ports=("443/udp", "80/tcp"),
        host_env_patterns=(("LANG", "[a-z]{2}"),),
        log_level="info",
        outgoing=True,
        rlimits=(Rlimit("core", 0, None), Rlimit("nofile", 1, 2)),
    )
    manifest = manifest_of(policy=policy)
    assert Manifest.decode(manifest.encode()) == manifest


def test_optional_keys_are_absent_at_their_defaults() -> None:
    """So manifests keep the bytes and the measurement that they had before these keys were known."""
    assert sorted(json.loads(manifest_of().encode())["policy"]) == [
        *("credentials", "debug", "host_args", "host_env", "memory", "mounts", "ports", "product_id"),
        *("security_version", "target"),
    ]


def test_sections_are_the_canonical_bytes_that_stand_in_the_manifest() -> None:
    manifest = manifest_of()
    data = manifest.encode()
    for name in SECTIONS:
        assert b'"%s":%s' % (name.encode(), manifest.section(name)) in data


def put(*path: str | int, value: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


MOUNT = {"read_only": False, "size": 0, "target": "/data", "type": "tmpfs"}
BAD: list[tuple[str, Callable[[Document], None], str]] = [
    ("other-schema", put("schema", value="olos/2"), r"schema: 'olos/2' is none of"),
    ("unknown-section", put("extra", value=1), r"olos.json.extra: unknown key"),
    ("unknown-key", put("app", "argz", value=[]), r"app.argz: unknown key"),
    ("missing-section", drop("policy"), r"policy: missing"),
    ("missing-key", drop("policy", "debug"), r"policy.debug: missing"),
    ("flag-as-number", put("policy", "debug", value=1), r"policy.debug: expected true or false"),
    ("number-as-flag", put("policy", "product_id", value=True), r"product_id: expected a whole number"),
    ("number-as-text", put("rootfs", "entries", value="7"), r"entries: expected a whole number"),
    ("product-id-too-large", put("policy", "product_id", value=65536), r"not from 0 to 65535"),
    ("memory-not-whole", put("policy", "memory", value=(64 << 20) + 1), r"multiple of 1 MiB"),
    ("memory-too-small", put("policy", "memory", value=1 << 20), r"policy.memory"),
    ("image-size-not-whole", put("rootfs", "image_size", value=8193), r"multiple of 4096"),
    ("upper-case-digest", put("rootfs", "tree_root", value="A" * 64), r"tree_root"),
    ("short-digest", put("kernel", 0, "sha256", value="ab"), r"kernel\[0\].sha256"),
    ("no-kernel", put("kernel", value=[]), r"kernel: names no file"),
    ("kernel-no-list", put("kernel", value={}), r"kernel: expected a list"),
    ("climbing-name", put("kernel", 0, "path", value="kernel/../x"), r"kernel\[0\].path"),
    ("absolute-name", put("kernel", 0, "path", value="/kernel"), r"kernel\[0\].path"),
    ("long-name", put("kernel", 0, "path", value="k" * 48), r"kernel\[0\].path"),
    ("no-args", put("app", "args", value=[]), r"app.args: names no program"),
    ("empty-program", put("app", "args", value=[""]), r"app.args: names no program"),
    ("nul", put("app", "args", value=["/a\0b"]), r"app.args\[0\]: contains a NUL"),
    ("env-without-value", put("app", "env", value=["A"]), r"NAME=value"),
    ("env-twice", put("app", "env", value=["A=1", "A=2"]), r"A is set twice"),
    ("relative-cwd", put("app", "cwd", value="tmp"), r"app.cwd"),
    ("climbing-cwd", put("app", "cwd", value="/a/../b"), r"app.cwd"),
    ("trailing-slash", put("app", "cwd", value="/a/"), r"app.cwd"),
    ("groups-unsorted", put("app", "user", "groups", value=[2, 1]), r"groups: not sorted"),
    ("groups-repeated", put("app", "user", "groups", value=[1, 1]), r"groups: not sorted"),
    ("uid-out-of-range", put("app", "user", "uid", value=2**32 - 1), r"user.uid"),
    ("signal-0", put("app", "stop_signal", value=0), r"stop_signal"),
    ("port-out-of-range", put("app", "expose", value=["65536/tcp"]), r"expose"),
    ("port-without-protocol", put("policy", "ports", value=["80"]), r"ports"),
    ("host-env-with-equals", put("policy", "host_env", value=["A=1"]), r"host_env"),
    ("host-args-unknown", put("policy", "host_args", value="allow"), r"host_args"),
    ("mount-unknown-key", put("policy", "mounts", value=[{**MOUNT, "source": "/"}]), r"mounts\[0\].source"),
    ("mount-type", put("policy", "mounts", value=[{**MOUNT, "type": "bind"}]), r"mounts\[0\].type"),
    ("mount-twice", put("policy", "mounts", value=[MOUNT, MOUNT]), r"mounts: not sorted"),
    ("hostname", put("app", "hostname", value="-a"), r"hostname"),
    ("default-level", put("policy", "log_level", value="error"), r"log_level: has its default value"),
    ("unknown-level", put("policy", "log_level", value="trace"), r"log_level: 'trace' is none of"),
    (
        "debug-level",
        put("policy", "log_level", value="debug"),
        r"log_level: 'debug' is for debug builds only",
    ),
    ("default-outgoing", put("policy", "outgoing", value=False), r"outgoing: has its default value"),
    ("outgoing-as-number", put("policy", "outgoing", value=1), r"outgoing: expected true or false"),
    ("no-patterns", put("policy", "host_env_patterns", value={}), r"patterns: has its default value"),
    ("pattern-of-another", put("policy", "host_env_patterns", value={"A": "a"}), r"'A' is not in .*host_env"),
    (
        "pattern-wrong",
        put("policy", "host_env_patterns", value={"A": "^a"}),
        r"A: '\^a': character 1: this has",
    ),
    ("pattern-list", put("policy", "host_env_patterns", value=["A"]), r"patterns: expected an object"),
    ("no-limits", put("policy", "rlimits", value={}), r"rlimits: has its default value"),
    ("unknown-limit", put("policy", "rlimits", value={"ulimit": [1, 1]}), r"rlimits.ulimit: unknown limit"),
    ("one-limit", put("policy", "rlimits", value={"cpu": [1]}), r"cpu: expected the soft and the hard"),
    ("limit-number", put("policy", "rlimits", value={"cpu": 1}), r"cpu: expected a list"),
    ("limit-negative", put("policy", "rlimits", value={"cpu": [-1, -1]}), r"cpu: -1 is not from 0"),
    ("limit-text", put("policy", "rlimits", value={"cpu": ["1", "1"]}), r"cpu: expected a whole number"),
    ("limit-inverted", put("policy", "rlimits", value={"cpu": [2, 1]}), r"cpu: the soft limit is above"),
    (
        "limit-above",
        put("policy", "rlimits", value={"cpu": ["unlimited", 1]}),
        r"cpu: the soft limit is above",
    ),
    (
        "many-files",
        put("policy", "rlimits", value={"nofile": [1, "unlimited"]}),
        r"nofile: more than 1048576",
    ),
    ("other-target", put("policy", "target", value="sgx"), r"policy.target"),
]


@pytest.mark.parametrize(("change", "reason"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_refuses(change: Callable[[Document], None], reason: str) -> None:
    document = copy.deepcopy(json.loads(manifest_of().encode()))
    change(document)
    with pytest.raises(InputError, match=reason):
        Manifest.decode(encode(document))


def test_says_what_was_probably_meant() -> None:
    document = json.loads(manifest_of().encode())
    document["policy"]["host_arg"] = document["policy"].pop("host_args")
    with pytest.raises(InputError) as caught:
        Manifest.decode(encode(document))
    assert "host_args: missing" in caught.value.message
