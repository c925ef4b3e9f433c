"""Which Debian packages files of the machine came with (dpkg-query(1))."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from olos_build.lock import Package
from olos_build.tool import Tool, ToolFailedError, run

DPKG_QUERY = Tool("dpkg-query", "dpkg")


def packages_of(paths: Iterable[Path]) -> Mapping[Path, Package]:
    """The packages of files, with their versions. What is of no package is not in it.

    Nothing is, on a machine without dpkg.
    """
    spellings = {path: _spellings(path) for path in paths}
    if not spellings or not DPKG_QUERY.installed():
        return {}
    owners = _owners(spelling for names in spellings.values() for spelling in names)
    found = {
        path: next(owners[name] for name in names if name in owners)
        for path, names in spellings.items()
        if any(name in owners for name in names)
    }
    versions = _versions(found.values())
    return {path: versions[name] for path, name in found.items() if name in versions}


def _spellings(path: Path) -> list[str]:
    """The names that dpkg may know a file by: /lib is a link to /usr/lib on most machines."""
    names = [str(path.absolute()), str(path.resolve())]
    for name in list(names):
        names.append(name.removeprefix("/usr") if name.startswith("/usr/") else f"/usr{name}")
    return list(dict.fromkeys(names))


def _owners(names: Iterable[str]) -> dict[str, str]:
    """The package of each name that is of one: "libc6:amd64, libx: /lib/…" is a line."""
    owners = {}
    for line in _lines("--search", "--", *dict.fromkeys(names)):
        packages, _, name = line.rpartition(": ")
        if packages and not packages.startswith("diversion "):
            owners[name] = packages.split(", ")[0]
    return owners


def _versions(packages: Iterable[str]) -> dict[str, Package]:
    """By the names with which dpkg shows them, with an architecture or without."""
    wanted = dict.fromkeys(packages)
    versions = {}
    if wanted:
        form = "--showformat=${binary:Package} ${Version}\n"
        for line in _lines("--show", form, *wanted):
            name, _, version = line.partition(" ")
            versions[name] = Package(name.partition(":")[0], version)
    return versions


def _lines(*arguments: str) -> list[str]:
    """What dpkg-query prints. It fails if it does not find one of several; the others it prints."""
    lines: list[str] = []
    try:
        run(DPKG_QUERY, arguments, lines.append)
    except ToolFailedError:
        return lines
    return lines
