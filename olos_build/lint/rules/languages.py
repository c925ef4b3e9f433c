"""Packages of other languages: npm, yarn, pnpm, gem, cargo, go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.calls import Call
from olos_build.lint.model import Hit, Rule, Severity, Site

_NODE = ("npm", "yarn", "pnpm")
_EXACT = re.compile(r".+@v?\d+\.\d+\.\d+[\w.+-]*\Z")
_LOCAL = re.compile(r"\.{0,2}/|\.\Z|file:|.*\.tgz\Z")
_NODE_LONG = (
    "--prefix",
    "--registry",
    "--cache",
    "--loglevel",
    "--omit",
    "--include",
    "--only",
    "--workspace",
)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def npm_install(site: Site) -> Iterator[Hit]:
    """Installs that do not keep to a lock file, and packages without an exact version."""
    for call in site.programs(*_NODE):
        action, names = _node_install(call)
        if not action:
            continue
        if names:
            free = [n for n in names if not _EXACT.match(n) and not _LOCAL.match(n) and "$" not in n]
            if free:
                yield Hit(
                    call.line,
                    f"{call.program} {action} of {', '.join(free[:4])} without an exact version",
                    f"write {free[0].rpartition('@')[0] or free[0]}@MAJOR.MINOR.PATCH",
                )
        elif hit := _unlocked(call, action):
            yield hit


def _node_install(call: Call) -> tuple[str, list[str]]:
    """What is done, and the packages that are named. No action if it is no install."""
    words = [word.text for word in call.operands("", _NODE_LONG)]
    if call.program == "yarn" and words[:2] == ["global", "add"]:
        return "global add", words[2:]
    actions = {
        "npm": ("install", "i", "add", "update", "up"),
        "yarn": ("", "install", "add", "upgrade"),
        "pnpm": ("install", "i", "add", "update", "up"),
    }
    action = words[0] if words else ""
    if action not in actions[call.program] or (call.program == "yarn" and call.has("--version")):
        return "", []
    return action or "install", words[1:]


def _unlocked(call: Call, action: str) -> Hit | None:
    if call.program == "npm" and not call.has("-g", "--global"):
        return Hit(call.line, f"npm {action} may change what package-lock.json says", "write: npm ci")
    if call.program == "npm":
        return None
    frozen = ("--frozen-lockfile", "--immutable")
    if call.has(*frozen):
        return None
    option = "--immutable (version 1: --frozen-lockfile)" if call.program == "yarn" else frozen[0]
    return Hit(
        call.line,
        f"{call.program} {action} may change the lock file",
        f"write: {call.program} install {option}",
    )


def npm_cache_left(site: Site) -> Iterator[Hit]:
    """The download caches of npm and yarn."""
    if site.mounts_cache("/.npm", "/.cache", "/.yarn", "/yarn", "/npm"):
        return
    removed = any("cache" in t or ".npm" in t for call in site.programs("rm") for t in call.arguments)
    cleaned = any(call.action == "cache" for call in site.programs("npm", "yarn"))
    if removed or cleaned:
        return
    for call in site.programs("npm"):
        if call.action in ("install", "i", "ci", "add") and not call.has("--cache"):
            yield Hit(call.line, "npm leaves its cache in the image", "add: && npm cache clean --force")


def gem_unpinned(site: Site) -> Iterator[Hit]:
    """`gem install` without a version."""
    for call in site.programs("gem"):
        words = [word.text for word in call.operands("vniP", ("--version", "--install-dir", "--platform"))]
        if words[:1] != ["install"] or call.has("-v", "--version"):
            continue
        free = [n for n in words[1:] if ":" not in n and not n.endswith(".gem") and "$" not in n]
        if free:
            yield Hit(
                call.line,
                f"gem install of {', '.join(free[:4])} without a version",
                f"write: gem install {free[0]}:VERSION, or bundle install with Gemfile.lock and --frozen",
            )


def cargo_unpinned(site: Site) -> Iterator[Hit]:
    """`cargo install` without a version, and without the lock file that the crate ships."""
    long_values = (
        "--version",
        "--vers",
        "--git",
        "--rev",
        "--tag",
        "--branch",
        "--root",
        "--features",
        "--path",
    )
    for call in site.programs("cargo", "cargo-binstall"):
        words = [w.text for w in call.operands("Fj", long_values) if not w.text.startswith("+")]
        if words[:1] != ["install"] or call.has("--path"):
            continue
        exact = call.has("--version", "--vers") or all("@" in name for name in words[1:])
        if call.has("--git"):
            exact = any(_COMMIT.match(rev) or "$" in rev for rev in call.values("--rev"))
        if not exact or not call.has("--locked", "--frozen"):
            lacks = "without a version" if not exact else "without --locked"
            name = next((n.partition("@")[0] for n in words[1:]), "CRATE")
            yield Hit(
                call.line,
                f"cargo install of {name} {lacks}",
                f"write: cargo install --locked {name}@VERSION",
            )


def go_unpinned(site: Site) -> Iterator[Hit]:
    """`go install` and `go get` without an exact version."""
    for call in site.programs("go"):
        words = [word.text for word in call.operands("op", ("-ldflags", "-tags", "-o"))]
        if words[:1] not in (["install"], ["get"], ["run"]):
            continue
        for name in words[1:2] if words[0] == "run" else words[1:]:
            remote = "." in name.partition("/")[0] and not name.startswith(".") and "/" in name
            moving = name.rpartition("@")[2] if "@" in name else "latest"
            if remote and not re.match(r"v\d+\.\d+\.\d+|[0-9a-f]{12,40}\Z|\$", moving):
                yield Hit(
                    call.line,
                    f"go {words[0]} of {name} without an exact version",
                    f"write: {name.partition('@')[0]}@vMAJOR.MINOR.PATCH",
                )


_NEWEST = "the registry serves the newest version that fits"
RULES = (
    Rule("npm-install", Severity.ERROR, _NEWEST, npm_install),
    Rule(
        "npm-cache-left",
        Severity.WARNING,
        "the cache holds times and logs, and makes the image larger",
        npm_cache_left,
    ),
    Rule("gem-unpinned", Severity.ERROR, _NEWEST, gem_unpinned),
    Rule("cargo-unpinned", Severity.ERROR, _NEWEST, cargo_unpinned),
    Rule("go-unpinned", Severity.ERROR, _NEWEST, go_unpinned),
)
