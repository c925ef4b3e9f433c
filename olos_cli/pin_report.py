"""What `olos pin` found, for people and for programs (`olos-pin-report/1`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from olos_build.lock import Lock, LockedFile
from olos_cli.locking import Pinning, line_of
from olos_cli.text import table, visible

SCHEMA = "olos-pin-report/1"
_SHORT = 12


def lines(pinning: Pinning, output_format: str) -> Iterable[str]:
    """The result of `olos pin`."""
    return [as_json(pinning)] if output_format == "json" else as_text(pinning)


def as_text(pinning: Pinning) -> Iterator[str]:
    """What moved, one line each; for a new lock all that it pins."""
    path = visible(str(pinning.path))
    if pinning.old is None:
        yield f"wrote {path}"
        yield from table(list(_rows(pinning.lock)), indent="  ")
    elif not pinning.changes and not pinning.written:
        yield f"{path} still holds: {_summary(pinning.lock)}"
    else:
        yield f"{'wrote' if pinning.written else 'not changed:'} {path}"
        yield from (f"  {visible(line_of(change))}" for change in pinning.changes)


def as_json(pinning: Pinning) -> str:
    """The same for programs."""
    report = {
        "changes": [{"new": item.new, "old": item.old, "what": item.what} for item in pinning.changes],
        "not_pinned": [
            {"line": item.line, "reason": item.reason, "what": item.what} for item in pinning.unpinnable
        ],
        "path": str(pinning.path),
        "schema": SCHEMA,
        "written": pinning.written,
    }
    return json.dumps(report, indent=2, sort_keys=True)


def _rows(lock: Lock) -> Iterator[tuple[str, ...]]:
    for image in lock.images:
        yield "image", visible(image.reference), image.manifest.digest.hex[:_SHORT]
    for item in lock.downloads:
        yield "download", visible(item.url), item.sha256.hex[:_SHORT]
    for commit in lock.commits:
        yield "git", visible(commit.url), commit.commit[:_SHORT]
    for name, files in (("kernel", lock.kernel), ("crt", lock.crt)):
        for file in files:
            yield name, _file(file), file.sha256.hex[:_SHORT]
    yield "builder", f"{lock.builder} {lock.builder_version}", ""


def _file(file: LockedFile) -> str:
    package = f" ({file.package.name} {file.package.version})" if file.package else ""
    return visible(file.path.partition("/")[2] + package)


def _summary(lock: Lock) -> str:
    counts = ((len(lock.images), "image"), (len(lock.downloads), "download"), (len(lock.commits), "commit"))
    parts = [f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count]
    return ", ".join([*parts, "kernel", "crt"])
