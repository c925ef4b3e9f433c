"""Packages of the distribution: apt, apk, dnf and their caches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.calls import Call
from olos_build.lint.model import Hit, Rule, Severity, Site

_APT = ("apt-get", "apt", "aptitude")
_DNF = ("dnf", "yum", "microdnf", "tdnf", "zypper")
_APT_VALUES, _APT_LONG = "tco", ("--target-release", "--option", "--config-file", "--default-release")
_APK_VALUES, _APK_LONG = "tpX", ("--virtual", "--repository", "--root", "--arch", "--repositories-file")
_DNF_LONG = ("--setopt", "--enablerepo", "--disablerepo", "--releasever", "--installroot", "--repo")
_LOCAL = (".deb", ".apk", ".rpm")
_RPM_VERSION = re.compile(r"-\d+[^-]*(-\d[^-]*)?$")
_MENTIONED = 4


def apt_unpinned(site: Site) -> Iterator[Hit]:
    """`apt-get install` of names without `=version`, but from a source that does not change."""
    if site.snapshot:
        return
    for call in site.programs(*_APT):
        if call.action != "install":
            continue
        names = _names(call, "install", _APT_VALUES, _APT_LONG)
        free = [name for name in names if "=" not in name and not name.endswith("-")]
        if free:
            yield Hit(
                call.line,
                f"{call.program} install of {_some(free)} without a version",
                f"write {_first(free)}=VERSION, or take packages from https://snapshot.debian.org/",
            )


def apk_unpinned(site: Site) -> Iterator[Hit]:
    """`apk add` of names without `=version`."""
    for call in site.programs("apk"):
        if call.action != "add":
            continue
        free = [name for name in _names(call, "add", _APK_VALUES, _APK_LONG) if not _apk_exact(name)]
        if free:
            yield Hit(
                call.line,
                f"apk add of {_some(free)} without an exact version",
                f"write {re.split('[~<>=]', _first(free))[0]}=VERSION-rN",
            )


def _apk_exact(name: str) -> bool:
    return name.startswith((".", "!")) or bool(re.search(r"[^~<>=]=[^=~]", name))


def rpm_unpinned(site: Site) -> Iterator[Hit]:
    """`dnf install` and the like of names without a version."""
    for call in site.programs(*_DNF):
        if call.action not in ("install", "in", "reinstall"):
            continue
        names = _names(call, call.action, "cx", _DNF_LONG)
        free = [n for n in names if not _RPM_VERSION.search(n) and "=" not in n and not n.startswith("@")]
        if free:
            yield Hit(
                call.line,
                f"{call.program} install of {_some(free)} without a version",
                f"write {_first(free)}-VERSION-RELEASE",
            )


def system_upgrade(site: Site) -> Iterator[Hit]:
    """Upgrades of all that is installed."""
    for call in site.calls:
        upgrade = (
            (call.program in _APT and re.fullmatch(r"(dist-|full-|safe-)?upgrade", call.action))
            or (call.program == "apk" and (call.action == "upgrade" or call.has("--upgrade")))
            or (call.program in _DNF and call.action in ("update", "upgrade", "distro-sync", "dup", "up"))
        )
        if upgrade and not (site.snapshot and call.program in _APT):
            yield Hit(
                call.line,
                f"{call.program} {call.action} takes whatever is newest",
                "remove it, and take a newer base image by its digest instead",
            )


def apt_cache_left(site: Site) -> Iterator[Hit]:
    """Package lists that stay in the layer."""
    calls = [c for c in site.programs("apt-get", "apt") if c.action in ("install", "update")]
    if calls and not site.mounts_cache("/var/lib/apt", "/var/lib/apt/lists") and not _removes(site, "/apt"):
        yield Hit(
            calls[-1].line,
            f"{calls[-1].program} {calls[-1].action} leaves its package lists in the image",
            "end the RUN with: && rm -rf /var/lib/apt/lists/*",
        )


def apk_cache_left(site: Site) -> Iterator[Hit]:
    """The package index of apk, with `apk update` or without `--no-cache`."""
    for call in site.programs("apk"):
        indexes = call.action in ("add", "update", "upgrade") and not call.has("--no-cache")
        if indexes and not site.mounts_cache("/apk") and not _removes(site, "/apk"):
            yield Hit(
                call.line,
                f"apk {call.action} leaves its package index in the image",
                "write: apk add --no-cache …, without apk update",
            )


def dnf_cache_left(site: Site) -> Iterator[Hit]:
    """What dnf and the like have downloaded."""
    calls = [c for c in site.programs(*_DNF) if c.action in ("install", "update", "upgrade", "makecache")]
    if not calls or site.mounts_cache("/dnf", "/yum", "/zypp") or _removes(site, "/dnf", "/yum", "/zypp"):
        return
    if not any(call.action == "clean" for call in site.programs(*_DNF)):
        name = calls[-1].program
        yield Hit(calls[-1].line, f"{name} leaves its cache in the image", f"add: && {name} clean all")


def _removes(site: Site, *parts: str) -> bool:
    """Whether the same RUN removes a path that contains one of some parts."""
    return any(
        part in text for call in site.programs("rm", "find") for text in call.arguments for part in parts
    )


def _names(call: Call, action: str, values: str, long_values: tuple[str, ...]) -> list[str]:
    """The packages behind an action. Files, variables and substitutions say nothing."""
    texts = [word.text for word in call.operands(values, long_values)]
    texts.remove(action)
    return [t for t in texts if "$" not in t and "/" not in t and not t.endswith(_LOCAL) and t not in "\\"]


def _some(names: list[str]) -> str:
    more = len(names) - _MENTIONED
    return ", ".join(names[:_MENTIONED]) + (f" and {more} more" if more > 0 else "")


def _first(names: list[str]) -> str:
    return names[0]


_UNPINNED = "the archive serves another version next week"
_CACHE = "indexes and caches change with every build, and make the image larger"
RULES = (
    Rule("apt-unpinned", Severity.ERROR, _UNPINNED, apt_unpinned),
    Rule("apk-unpinned", Severity.ERROR, _UNPINNED, apk_unpinned),
    Rule("rpm-unpinned", Severity.ERROR, _UNPINNED, rpm_unpinned),
    Rule(
        "system-upgrade",
        Severity.ERROR,
        "what is newest depends on the day of the build",
        system_upgrade,
    ),
    Rule("apt-cache-left", Severity.WARNING, _CACHE, apt_cache_left),
    Rule("apk-cache-left", Severity.WARNING, _CACHE, apk_cache_left),
    Rule("dnf-cache-left", Severity.WARNING, _CACHE, dnf_cache_left),
)
