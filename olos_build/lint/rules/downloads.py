"""Files from the network: curl, wget, git clone, ADD."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.calls import SHELLS, Call
from olos_build.lint.model import Hit, Rule, Severity, Site

_FETCHERS = ("curl", "wget", "aria2c")
_INTERPRETERS = (*SHELLS, "python", "perl", "ruby", "node", "php", "tclsh", "osascript")
_URL = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
_NEARBY = re.compile(r"https?://(localhost|127\.|\[::1\]|0\.0\.0\.0)", re.IGNORECASE)
_GIT_URL = re.compile(
    r"git@|git://|ssh://|https?://[^?#]+\.git(?:[?#]|\Z)|https://(?:github|gitlab)\.com/[^/]+/[^/#]+(?:#|\Z)"
)
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_SUMS = re.compile(r"(?:g?(?:sha(?:1|224|256|384|512)?|b2|b3|md5)sum|shasum|sha256|rhash)\Z")
_VERIFIERS = {
    "cosign": ("verify", "verify-blob"),
    "gh": ("attestation",),
    "gpg": ("--verify",),
    "gpg2": ("--verify",),
    "gpgv": (),
    "minisign": ("-V",),
    "openssl": ("dgst",),
    "signify": ("-V", "-C"),
    "slsa-verifier": (),
}
"""What compares, with one of the arguments that make it do so."""


def pipe_to_shell(site: Site) -> Iterator[Hit]:
    """`curl … | sh`, `sh -c "$(curl …)"`, `bash <(curl …)`, `eval "$(wget …)"`."""
    for pipeline in site.pipelines:
        fetched = False
        for call in pipeline:
            if fetched and _runs_input(call):
                yield _piped(call)
            fetched = fetched or call.program in _FETCHERS
    for call in site.programs(*_FETCHERS):
        if shell := _shell_around(site, call):
            yield _piped(shell)


def _shell_around(site: Site, call: Call) -> Call | None:
    """The shell that runs what a call prints: `sh -c "$(curl …)"`, `bash <(curl …)`."""
    outer = site.outer_call(call)
    return outer if outer and outer.program in (*SHELLS, "eval", "source", ".") else None


def _runs_input(call: Call) -> bool:
    """Whether an interpreter reads its program from standard input."""
    if call.program not in _INTERPRETERS:
        return False
    if call.program in SHELLS:
        return not call.has("-c") and (call.has("-s") or call.action in ("", "/dev/stdin"))
    return not call.has("-c", "-e", "-m", "-n", "-p") and call.action in ("", "-")


def _piped(call: Call) -> Hit:
    return Hit(
        call.line,
        f"{call.program} runs a script straight from the network",
        "download it, compare its sha256sum with a fixed value, then run it (or: ADD --checksum=sha256:…)",
    )


def download_unchecked(site: Site) -> Iterator[Hit]:
    """Downloads in a RUN that checks no sum and no signature."""
    if any(_checks(call) for call in site.calls):
        return
    for pipeline in site.pipelines:
        if any(map(_runs_input, pipeline)):
            continue  # pipe-to-shell says it
        for call in pipeline:
            if call.program not in _FETCHERS or not _downloads(call) or _shell_around(site, call):
                continue
            yield Hit(
                call.line,
                f"{call.program} downloads {_shown_url(call)} and nothing checks what came",
                "ADD --checksum=sha256:… URL /path, or add: && echo 'SUM  FILE' | sha256sum -c",
            )


def _downloads(call: Call) -> bool:
    urls = [text for text in call.arguments if _URL.search(text) or text.startswith("$")]
    asks_only = call.has("-I", "--head", "--spider", "--version", "--help", "-V")
    return bool(urls) and not asks_only and not all(_NEARBY.match(url) for url in urls)


def _shown_url(call: Call) -> str:
    url = next((text for text in call.arguments if _URL.search(text)), "a file")
    # Credentials may stand in it.
    return re.sub(r"//[^/@]*@", "//…@", url.partition("?")[0])[:100]


def _checks(call: Call) -> bool:
    if _SUMS.match(call.program):
        return call.has("-c", "--check", "--strict", "--status")
    wanted = _VERIFIERS.get(call.program)
    return wanted is not None and (not wanted or any(text in wanted for text in call.arguments))


def git_clone_moving(site: Site) -> Iterator[Hit]:
    """Clones without a commit: no `git checkout COMMIT` and the like in the same RUN."""
    fixed = any(
        any(word.text in ("checkout", "reset", "switch", "fetch") for word in call.operands("Cc")[:1])
        and any(_COMMIT.search(text) or _names_commit(text) for text in call.arguments)
        for call in site.programs("git")
    )
    for call in site.programs("git"):
        if fixed or "clone" not in call.arguments or any(map(_COMMIT.search, call.values("--revision"))):
            continue
        branch = (call.values("-b", "--branch") or ["the default branch"])[0]
        yield Hit(
            call.line,
            f"git clone takes {branch}, which may move",
            "add: && git checkout COMMIT (40 digits), or: ADD https://….git#COMMIT /path",
        )


def _names_commit(text: str) -> bool:
    """A variable that by its name holds a commit."""
    return bool(re.search(r"\$\{?\w*(COMMIT|SHA|REV|HASH)", text, re.IGNORECASE))


def add_url_checksum(site: Site) -> Iterator[Hit]:
    """ADD of a URL without `--checksum`."""
    if site.instruction.keyword != "ADD" or site.facts.locked:
        return
    for source in site.instruction.arguments[:-1]:
        if _URL.match(source) and not _GIT_URL.match(source) and not site.instruction.flag("checksum"):
            yield Hit(
                site.instruction.line,
                f"ADD takes what {source.partition('?')[0][:100]} serves on the day",
                "run 'olos pin', or write: ADD --checksum=sha256:… URL /path",
            )


def add_git_commit(site: Site) -> Iterator[Hit]:
    """ADD of a Git repository without a commit."""
    if site.instruction.keyword != "ADD" or site.facts.locked:
        return
    for source in site.instruction.arguments[:-1]:
        commit = _COMMIT.search(source) or _COMMIT.search(site.instruction.flag("checksum") or "")
        if _GIT_URL.match(source) and not commit:
            yield Hit(
                site.instruction.line,
                f"ADD takes a branch or tag of {source.partition('#')[0][:100]}",
                "run 'olos pin', or name the commit behind #: ADD https://….git#COMMIT /path",
            )


def pipe_hides_failure(site: Site) -> Iterator[Hit]:
    """A download at the start of a pipe, and no `set -o pipefail`."""
    shell = " ".join(site.stage.shell) if site.stage else ""
    if "pipefail" in shell or any("pipefail" in c.arguments for c in site.programs("set", *SHELLS)):
        return
    for pipeline in site.pipelines:
        for call in pipeline[:-1]:
            if call.program in (*_FETCHERS, "git") and not _runs_input(pipeline[-1]):
                yield Hit(
                    call.line,
                    f"if {call.program} fails here, the pipe does not",
                    'before it: SHELL ["/bin/bash", "-o", "pipefail", "-c"], or write to a file first',
                )


RULES = (
    Rule(
        "pipe-to-shell",
        Severity.ERROR,
        "the script may be another one next time, or be cut off in the middle",
        pipe_to_shell,
    ),
    Rule(
        "download-unchecked",
        Severity.ERROR,
        "the server may send other bytes next time, and nobody notices",
        download_unchecked,
    ),
    Rule("git-clone-moving", Severity.ERROR, "branches and tags move, commits do not", git_clone_moving),
    Rule(
        "add-url-checksum",
        Severity.ERROR,
        "the server may send other bytes next time, and nobody notices",
        add_url_checksum,
    ),
    Rule("add-git-commit", Severity.ERROR, "branches and tags move, commits do not", add_git_commit),
    Rule(
        "pipe-hides-failure",
        Severity.WARNING,
        "the exit code of a pipe is that of its last command: half a download is taken for a whole one",
        pipe_hides_failure,
    ),
)
