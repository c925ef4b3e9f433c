"""What differs in the manifest: each key, each component, and the debug twin."""

import dataclasses
from typing import Any

import pytest

from measure.diff.compare import compare
from measure.diff.model import Attribute
from measure.diff.side import of_manifest
from olos.digest import Digest
from olos.manifest import MEBIBYTE, App, Manifest, Mount, Policy, User
from olos.rlimit import Rlimit
from support.manifests import manifest_of
from support.sides import compared


def changed_manifest(**sections: Any) -> Manifest:
    return dataclasses.replace(manifest_of(), **sections)


def keys(old: Manifest, new: Manifest) -> list[tuple[str, str, str | None, str | None]]:
    difference = compare(of_manifest("a", old), of_manifest("b", new))
    assert not difference.equal
    assert all(change.kind == "manifest" for change in difference.changes)
    return [
        (change.subject, change.what, each.old, each.new)
        for change in difference.changes
        for each in change.attributes
    ]


APP = App(("/bin/app", "a", "b"), ("A=1", "B=2"), "/", User(0, 0, (5,)), "olos", 15, ("80/tcp",))


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param({"cwd": "/x"}, [("app.cwd", "changed", '"/"', '"/x"')], id="cwd"),
        pytest.param({"env": ("A=1", "B=3")}, [("app.env[B]", "changed", '"2"', '"3"')], id="env"),
        pytest.param({"env": ("A=1",)}, [("app.env[B]", "removed", '"2"', None)], id="env-less"),
        pytest.param({"env": ("C=", "A=1", "B=2")}, [("app.env[C]", "added", None, '""')], id="env-more"),
        pytest.param(
            {"env": ("B=2", "A=1")}, [("app.env", "changed", '["A","B"]', '["B","A"]')], id="env-order"
        ),
        pytest.param(
            {"args": ("/bin/app", "x", "a", "b")}, [("app.args[1]", "added", None, '"x"')], id="argument-more"
        ),
        pytest.param(
            {"args": ("/bin/app", "b")}, [("app.args[1]", "removed", '"a"', None)], id="argument-less"
        ),
        pytest.param(
            {"args": ("/bin/app", "a", "c")},
            [("app.args[2]", "changed", '"b"', '"c"')],
            id="argument-changed",
        ),
        pytest.param({"user": User(1, 0, (5,))}, [("app.user.uid", "changed", "0", "1")], id="user"),
        pytest.param({"user": User(0, 0, ())}, [("app.user.groups[5]", "removed", "5", None)], id="groups"),
        pytest.param({"stop_signal": 9}, [("app.stop_signal", "changed", "15", "9")], id="signal"),
        pytest.param(
            {"expose": ("443/tcp", "80/tcp")},
            [("app.expose[443/tcp]", "added", None, "443/tcp")],
            id="expose",
        ),
    ],
)
def test_keys_of_the_app(
    app: dict[str, Any], expected: list[tuple[str, str, str | None, str | None]]
) -> None:
    new = dataclasses.replace(APP, **app)
    assert keys(changed_manifest(app=APP), changed_manifest(app=new)) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param({"memory": 64 * MEBIBYTE}, [("policy.memory", "536870912", "67108864")], id="memory"),
        pytest.param({"host_args": "append"}, [("policy.host_args", "deny", "append")], id="host-args"),
        pytest.param({"host_env": ("X",)}, [("policy.host_env[X]", None, "X")], id="host-env"),
        pytest.param(
            {"mounts": (Mount("/a", "tmpfs", False, 5),)}, [("policy.mounts[/a].size", "4", "5")], id="mount"
        ),
        pytest.param(
            {"mounts": ()},
            [
                ("policy.mounts[/a].type", "tmpfs", None),
                ("policy.mounts[/a].read_only", "false", None),
                ("policy.mounts[/a].size", "4", None),
            ],
            id="mount-less",
        ),
        pytest.param({"ports": ("80/tcp",)}, [("policy.ports[80/tcp]", None, "80/tcp")], id="ports"),
        pytest.param({"credentials": "pem"}, [("policy.credentials", "none", "pem")], id="credentials"),
        pytest.param({"product_id": 7}, [("policy.product_id", "0", "7")], id="product"),
        pytest.param({"security_version": 7}, [("policy.security_version", "0", "7")], id="version"),
        pytest.param({"log_level": "info"}, [("policy.log_level", "error", "info")], id="log-level"),
        pytest.param(
            {"host_env": ("X",), "host_env_patterns": (("X", "a+"),)},
            [("policy.host_env[X]", None, "X"), ("policy.host_env_patterns[X]", None, "a+")],
            id="pattern",
        ),
        pytest.param(
            {"rlimits": (Rlimit("nofile", 7, None),)},
            [("policy.rlimits[nofile]", None, '[7,"unlimited"]')],
            id="rlimit",
        ),
    ],
)
def test_keys_of_the_policy(
    policy: dict[str, Any], expected: list[tuple[str, str | None, str | None]]
) -> None:
    old = Policy(mounts=(Mount("/a", "tmpfs", False, 4),))
    new = dataclasses.replace(old, **policy)
    found = keys(changed_manifest(policy=old), changed_manifest(policy=new))
    assert [(key, before, after) for key, _, before, after in found] == expected


def test_ten_thousand_arguments_take_no_time() -> None:
    old, new = (dataclasses.replace(APP, args=("/bin/app", *[word] * 10_000)) for word in ("a", "b"))
    assert len(keys(changed_manifest(app=old), changed_manifest(app=new))) == 10_000


@pytest.mark.parametrize("debug_first", [True, False])
def test_the_debug_twin(debug_first: bool) -> None:
    sides = [
        of_manifest(name, manifest_of(policy=Policy(debug=name == "debug"))) for name in ("debug", "plain")
    ]
    difference = compared(sides if debug_first else sides[::-1])
    assert difference.debug_twin
    assert [change.subject for change in difference.changes] == ["policy.debug"]
    assert [count.cause.name for count in difference.causes] == ["debug-twin"]


def test_no_debug_twin_if_anything_else_differs() -> None:
    old, new = Policy(), Policy(debug=True, product_id=1)
    difference = compare(of_manifest("a", manifest_of(policy=old)), of_manifest("b", manifest_of(policy=new)))
    assert not difference.debug_twin
    assert len(difference.changes) == 2


def test_components() -> None:
    old = manifest_of()
    kernel = dataclasses.replace(old.kernel[0], size=7, sha256=Digest.sha256(b"other"))
    more = dataclasses.replace(old.crt[0], path="crt/more")
    new = dataclasses.replace(old, kernel=(kernel,), crt=(*old.crt, more))
    changes = compare(of_manifest("a", old), of_manifest("b", new)).changes
    assert [(c.kind, c.subject, c.what, [cause.name for cause in c.causes]) for c in changes] == [
        ("component", "crt/more", "added", ["crt-moved"]),
        ("component", "kernel/linux", "changed", ["kernel-moved"]),
    ]
    assert changes[1].attributes[0] == Attribute("size", "6", "7")
