"""Differences as `olos diff` finds them, for those who show them."""

from measure.diff.model import (
    DEBUG_TWIN,
    Attribute,
    Cause,
    CauseCount,
    Change,
    Difference,
    FileCounts,
    Origin,
)
from olos.digest import Digest

OLD, NEW = Digest.sha256(b"old"), Digest.sha256(b"new")
BASE_MOVED = Cause(
    "base-moved",
    "The base image is another one: its name was moved to a new build.",
    "Pin it in FROM by its digest: FROM debian@sha256:….",
)
PYC_TIMES = Cause(
    "pyc-timestamp",
    "Compiled Python files hold the time of their source.",
    "Compile with 'python3 -m compileall --invalidation-mode=checked-hash'.",
)
TWIN = Cause(
    DEBUG_TWIN,
    "One is the debug twin of the other: they differ in policy.debug and in nothing else.",
    "Pin the value of the one that was built without --debug.",
)
BASE = Origin(1, None, "ADD file:8b1e79f91081eb527b455505d8b9f6f7d4dcae8e in /", base=True)
PIP = Origin(3, 7, "RUN pip install --no-cache-dir -r requirements.txt", base=False)
COPY = Origin(4, 9, "COPY dir:9b1c in /app", base=False)
OURS = Origin(0, None, None, base=False)


def content(name: str) -> Attribute:
    """Contents that differ."""
    old, new = (Digest.sha256(f"{side} {name}".encode()).hex for side in ("old", "new"))
    return Attribute("content", old, new)


def came(kind: str, mode: str) -> tuple[Attribute, ...]:
    """The attributes of an entry that is new."""
    values = {"type": kind, "mode": mode, "uid": "0", "gid": "0", "mtime": "0"}
    return tuple(Attribute(name, None, value) for name, value in values.items())


def went(kind: str, mode: str) -> tuple[Attribute, ...]:
    """The attributes of an entry that is gone."""
    return tuple(Attribute(item.name, item.new, None) for item in came(kind, mode))


def compiled(number: int) -> Change:
    """A compiled file that holds a time."""
    path = f"/usr/local/lib/python3.11/site-packages/flask/__pycache__/module_{number}.cpython-311.pyc"
    evidence = (Attribute("source time", "2026-03-01 10:11:12", "2026-03-02 09:08:07"),)
    return Change("file", path, "changed", (content(path),), evidence, (PYC_TIMES,), PIP, PIP)


def rich(compiled_files: int = 3) -> Difference:
    """Something of everything."""
    files = [
        Change("file", "/app/config", "changed", (Attribute("mode", "0644", "4755"),), (), (), COPY, COPY),
        Change(
            "file",
            "/app/app.py",
            "changed",
            (Attribute("size", "1204", "1311"), content("app")),
            (),
            (),
            COPY,
            COPY,
        ),
        Change("file", "/app/new", "added", came("directory", "0755"), new_origin=COPY, below=2),
        Change("file", "/app/new/a.txt", "added", new_origin=COPY, inside="/app/new"),
        Change("file", "/app/new/b.txt", "added", new_origin=COPY, inside="/app/new"),
        Change("file", "/data", "removed", went("directory", "0755"), old_origin=OURS),
        Change(
            "file",
            "/etc/debian_version",
            "changed",
            (content("v"),),
            (Attribute("first difference", "line 1: 12.10", "line 1: 12.11"),),
            (BASE_MOVED,),
            BASE,
            BASE,
        ),
        Change(
            "file",
            "/opt/old",
            "removed",
            (*went("symlink", "0777"), Attribute("target", "x", None)),
        ),
        Change(
            "file",
            "/srv/time",
            "changed",
            (Attribute("mtime", "1700000000", "1700000060"),),
            (),
            (),
            COPY,
            COPY,
        ),
        *map(compiled, range(compiled_files)),
    ]
    tree = (Attribute("tree_root", Digest.sha256(b"t1").hex, Digest.sha256(b"t2").hex),)
    linux = (Attribute("size", "7340032", "7344128"), Attribute("sha256", OLD.hex, NEW.hex))
    others = [
        Change("manifest", "app.args[1]", "added", (Attribute("value", None, '"--verbose"'),)),
        Change(
            "manifest",
            "app.env[PATH]",
            "changed",
            (
                Attribute(
                    "value", '"/usr/local/bin:/usr/bin:/bin"', '"/usr/local/bin:/opt/bin:/usr/bin:/bin"'
                ),
            ),
        ),
        Change("manifest", "policy.memory", "changed", (Attribute("value", "268435456", "536870912"),)),
        Change("component", "kernel/linux", "changed", linux),
        Change("component", "rootfs.img", "changed", (Attribute("entries", "4321", "4323"), *tree)),
        Change(
            "annotation",
            "base layers",
            "changed",
            (Attribute("layer 1", str(Digest.sha256(b"b1")), str(Digest.sha256(b"b2"))),),
            causes=(BASE_MOVED,),
        ),
    ]
    packages = (
        Attribute("libc6", "2.36-9+deb12u9", "2.36-9+deb12u10"),
        Attribute("tzdata", "2024b", "2025b"),
    )
    return Difference(
        "olos-layout",
        "release/app.olos",
        OLD,
        NEW,
        (*others, *files),
        (CauseCount(BASE_MOVED, 2, packages), CauseCount(PYC_TIMES, compiled_files)),
        ("olos-layout holds no contents, so causes are guessed from names and attributes only.",),
        FileCounts(added=3, removed=2, changed=4 + compiled_files),
        unexplained=5,
        left_out=0,
    )


def debug_twin() -> Difference:
    """Two that differ in policy.debug."""
    value = (Attribute("value", "false", "true"),)
    change = Change("manifest", "policy.debug", "changed", value, causes=(TWIN,))
    return Difference("production", "debug", OLD, NEW, (change,), (CauseCount(TWIN, 1),))


def equal() -> Difference:
    """Two of one measurement."""
    return Difference("one", "other", OLD, OLD)
