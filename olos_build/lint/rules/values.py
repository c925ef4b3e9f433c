"""Values that differ with every build: the clock, random numbers, keys, the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.calls import Call
from olos_build.lint.model import Hit, Rule, Severity, Site

_RANDOM_VARIABLES = frozenset({"RANDOM", "SRANDOM"})
_CLOCK_VARIABLES = frozenset({"EPOCHSECONDS", "EPOCHREALTIME"})
_RANDOM_DEVICES = ("/dev/urandom", "/dev/random", "/dev/hwrng", "/proc/sys/kernel/random/uuid")
_RANDOM_PROGRAMS = ("uuidgen", "pwgen", "dbus-uuidgen", "systemd-machine-id-setup", "mcookie", "shuf")
_BUILD_DATE = re.compile(r"(?:^|[_.])(?:build_?(?:date|time|timestamp)|image\.created|build\.date)$", re.I)
_DATE_WORDS = re.compile(r"\d{4}-\d{2}-\d{2}|\d{9,}|\$|now|today", re.I)
_FIXED_DATE = re.compile(r"@?\$?\{?\w*EPOCH\w*\}?|@\d+|\d{4}-\d{2}-\d{2}.*|@.*")


def clock(site: Site) -> Iterator[Hit]:
    """`date` without a fixed time, and variables of bash that hold the time."""
    for call in site.calls:
        named = _CLOCK_VARIABLES & call.command.variables
        if (call.program == "date" and not _fixed(call)) or named:
            what = f"${min(named)}" if named else "date"
            yield Hit(
                call.line,
                f"{what} gives the time of the build",
                'write: date -u -d "@$SOURCE_DATE_EPOCH", or take the time from a file of the context',
            )


def _fixed(call: Call) -> bool:
    if call.has("-r", "--reference", "-s", "--set", "--version", "--help"):
        return True
    return any(_FIXED_DATE.fullmatch(value) for value in call.values("-d", "--date"))


def random(site: Site) -> Iterator[Hit]:
    """`$RANDOM`, uuidgen, /dev/urandom, openssl rand."""
    for call in site.calls:
        named = _RANDOM_VARIABLES & call.command.variables
        what = f"${min(named)}" if named else _random_source(call)
        if what:
            yield Hit(
                call.line,
                f"{what} gives another value in every build",
                "make the value when the app starts, or derive it from the context",
            )


def _random_source(call: Call) -> str:
    if call.program in _RANDOM_PROGRAMS and not call.has("--random-source", "--version", "--sha1", "--md5"):
        return call.program
    if call.program == "openssl" and call.action == "rand":
        return "openssl rand"
    texts = [*call.arguments, *(value for _, value in call.command.assignments)]
    return next((name for name in _RANDOM_DEVICES if any(text.endswith(name) for text in texts)), "")


def random_name(site: Site) -> Iterator[Hit]:
    """mktemp, where the same RUN removes nothing."""
    removes = any(True for _ in site.programs("rm", "rmdir", "mv", "find"))
    for call in site.programs("mktemp"):
        if not removes and not call.has("-u", "--dry-run"):
            yield Hit(
                call.line,
                "mktemp makes a file of a random name, and it stays",
                "take a fixed name, or remove it in the same RUN",
            )


def key_generated(site: Site) -> Iterator[Hit]:
    """Keys and certificates made during the build."""
    for call in site.calls:
        if _generates(call):
            yield Hit(
                call.line,
                f"{call.program} makes a key during the build",
                "make it when the app starts; olos gives apps certificates of their own (docs/runtime.md)",
            )


def _generates(call: Call) -> bool:
    if call.program == "ssh-keygen":
        return not call.has("-F", "-R", "-l", "-y", "-H") and (call.has("-A", "-t", "-f") or not call.words)
    if call.program == "openssl":
        with_key = call.action == "req" and call.has("-newkey", "-new") and not call.has("-key")
        return call.action in ("genrsa", "genpkey", "dhparam", "gendsa") or with_key or call.has("-genkey")
    if call.program in ("gpg", "gpg2"):
        return call.has("--gen-key", "--generate-key", "--full-gen-key", "--quick-gen-key")
    if call.program == "keytool":
        return call.has("-genkey", "-genkeypair", "-genseckey")
    return call.program in ("make-ssl-cert", "mkcert", "dropbearkey", "certtool")


def build_date(site: Site) -> Iterator[Hit]:
    """ENV and LABEL with the date of the build."""
    if site.instruction.keyword not in ("ENV", "LABEL"):
        return
    for name, value in site.instruction.pairs:
        if _BUILD_DATE.search(name.strip("'\"")) and _DATE_WORDS.search(value or ""):
            yield Hit(
                site.instruction.line,
                f"{site.instruction.keyword} {name} changes with every build",
                "remove it, or take the date of the commit",
            )


def build_machine(site: Site) -> Iterator[Hit]:
    """The name and the kernel of the machine that builds."""
    for call in site.calls:
        of_kernel = call.program == "uname" and call.has("-a", "-r", "-n", "-v", "--all", "--nodename")
        if of_kernel or (call.program in ("hostname", "hostnamectl") and not call.words):
            yield Hit(
                call.line,
                f"{call.program} tells of the machine that builds",
                "write the value down (uname -m alone says the architecture)",
            )


RULES = (
    Rule("clock", Severity.ERROR, "every build has another time", clock),
    Rule("random", Severity.ERROR, "random values are never the same twice", random),
    Rule("random-name", Severity.WARNING, "random names are never the same twice", random_name),
    Rule(
        "key-generated",
        Severity.ERROR,
        "it differs in every build, and everybody who has the image has the key",
        key_generated,
    ),
    Rule("build-date", Severity.WARNING, "every build has another time", build_date),
    Rule("build-machine", Severity.WARNING, "another machine builds another image", build_machine),
)
