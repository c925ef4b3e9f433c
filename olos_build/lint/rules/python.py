"""Python: pip, its cache, bytecode."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.calls import Call
from olos_build.lint.model import Hit, Rule, Severity, Site

_VALUES = "rceitfd"
_LONG_VALUES = (
    *("--requirement", "--constraint", "--editable", "--index-url", "--extra-index-url", "--target"),
    *("--find-links", "--prefix", "--root", "--platform", "--python-version", "--trusted-host", "--retries"),
    *("--timeout", "--cache-dir", "--python", "--config-settings", "--no-binary", "--only-binary", "--src"),
    *("--progress-bar", "--root-user-action", "--report", "--log", "--proxy", "--cert", "--abi"),
)
_LOCAL = re.compile(r"\.{0,2}/|\.\Z|\.\[|.*\.(whl|tar\.gz|zip)(\[.*\])?\Z|\$|/")
_COMMIT = re.compile(r"@[0-9a-f]{40}\b")
_ARCHIVE_HASH = re.compile(r"#(sha256|sha512)=[0-9a-f]{64,}")


def _installs(site: Site) -> Iterator[Call]:
    """`pip install` from an index. Files that are there already do not drift."""
    for call in site.programs("pip"):
        if call.action == "install" and not call.has("--no-index"):
            yield call


def _requirements(call: Call) -> list[str]:
    texts = [word.text for word in call.operands(_VALUES, _LONG_VALUES)]
    texts.remove("install")
    return texts + call.values("-e", "--editable")


def pip_unpinned(site: Site) -> Iterator[Hit]:
    """Requirements without `==`, and repositories without a commit."""
    for call in _installs(site):
        free = [text for text in _requirements(call) if not _pinned(text)]
        if free:
            fixed = f"{re.split('[~<>=!@;[ ]', free[0])[0]}==VERSION"
            yield Hit(
                call.line,
                f"pip install of {', '.join(free[:4])} without an exact version",
                "name a commit: …@COMMIT"
                if "git+" in free[0]
                else f"write {fixed}, or a file with hashes: -r",
            )


def _pinned(text: str) -> bool:
    if "git+" in text:
        return bool(_COMMIT.search(text)) or "$" in text
    if "://" in text:
        return bool(_ARCHIVE_HASH.search(text))
    return bool(_LOCAL.match(text)) or "$" in text or ("==" in text and "*" not in text)


def pip_no_hashes(site: Site) -> Iterator[Hit]:
    """Installs whose downloads, or those of the dependencies, are not compared with hashes."""
    for call in _installs(site):
        if call.has("--require-hashes") or site.has_variable("PIP_REQUIRE_HASHES", call):
            continue
        local = call.has("--no-deps") and all(_LOCAL.match(text) for text in _requirements(call))
        if not (local and not call.values("-r", "--requirement")):
            yield Hit(
                call.line,
                "pip install takes what the index serves, dependencies included",
                "pip install --require-hashes -r requirements.txt (pip-compile --generate-hashes makes it)",
            )


def pip_cache_left(site: Site) -> Iterator[Hit]:
    """Downloads that stay in ~/.cache."""
    if site.mounts_cache("/.cache", "/.cache/pip", "/pip", "/.cache/uv", "/uv"):
        return
    if any("cache" in text for call in site.programs("rm") for text in call.arguments):
        return
    if any(call.action == "cache" and "purge" in call.arguments for call in site.programs("pip")):
        return
    for call in site.programs("pip"):
        off = call.has("--no-cache-dir", "--no-cache") or site.has_variable("PIP_NO_CACHE_DIR", call)
        if call.action in ("install", "download", "wheel") and not off:
            yield Hit(call.line, "pip leaves its cache in the image", "write: pip install --no-cache-dir …")


def python_bytecode(site: Site) -> Iterator[Hit]:
    """Bytecode with the time of its source: by pip, which compiles in any case, and by python itself."""
    if _removes_bytecode(site):
        return
    for call in site.calls:
        if site.has_variable("SOURCE_DATE_EPOCH", call):
            continue
        if call.program == "pip" and call.action == "install" and not call.has("--no-compile"):
            yield Hit(
                call.line,
                "pip install writes .pyc files with the times of their sources",
                "write: pip install --no-compile …, or set SOURCE_DATE_EPOCH (olos build does)",
            )
        elif call.program == "python" and _imports(call) and not _no_bytecode(site, call):
            yield Hit(
                call.line,
                "python writes .pyc files with the times of their sources",
                "write: python -B …, or ENV PYTHONDONTWRITEBYTECODE=1",
            )


def _imports(call: Call) -> bool:
    """Whether a call of python runs a program from files, so that these may be compiled."""
    return call.has("-m") or call.action.endswith(".py")


def _no_bytecode(site: Site, call: Call) -> bool:
    names = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    return call.has("-B") or any(site.has_variable(name, call) for name in names)


def _removes_bytecode(site: Site) -> bool:
    texts = [text for call in site.programs("find", "rm") for text in call.arguments]
    return any("__pycache__" in text or ".pyc" in text or ".py[c" in text for text in texts)


RULES = (
    Rule(
        "pip-unpinned",
        Severity.ERROR,
        "the index serves the newest version that fits",
        pip_unpinned,
    ),
    Rule(
        "pip-no-hashes",
        Severity.WARNING,
        "without hashes nobody notices other bytes, or other versions of dependencies",
        pip_no_hashes,
    ),
    Rule(
        "pip-cache-left",
        Severity.WARNING,
        "the cache holds times and random names, and makes the image larger",
        pip_cache_left,
    ),
    Rule(
        "python-bytecode",
        Severity.WARNING,
        "the time inside a .pyc is that of the build",
        python_bytecode,
    ),
)
