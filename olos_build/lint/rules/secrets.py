"""Secrets in ENV, ARG and elsewhere: they stay in the image or in its history. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from olos_build.lint.model import Hit, Rule, Severity, Site

_SECRET_WORDS = frozenset(
    """PASSWORD PASSWD PASSPHRASE SECRET SECRETS TOKEN APIKEY CREDENTIALS CREDENTIAL PRIVATEKEY
    SECRETKEY ACCESSKEY AUTHTOKEN PASS PWD""".split()  # noqa: SIM905
)
_KEYS = re.compile(r"(?:API|ACCESS|PRIVATE|SECRET|ENCRYPTION|SIGNING|AUTH|MASTER|SSH|DEPLOY|LICENSE)_KEYS?$")
_HARMLESS_ENDS = frozenset(
    """FILE PATH DIR NAME ID URL URI TTL LENGTH SIZE EXPIRY TIMEOUT ENABLED REQUIRED TYPE HEADER ALGORITHM
    ALGO FORMAT ISSUER AUDIENCE HOST ENDPOINT PREFIX POLICY HASH LIFETIME PLUGIN SERVICE CLASS""".split()  # noqa: SIM905
)
_PLACEHOLDERS = frozenset({"", "true", "false", "yes", "no", "none", "null", "0", "1"})
_TOKENS = (
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("a Slack token", re.compile(r"\bxox[abposr]-[A-Za-z0-9-]{10,}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a PyPI token", re.compile(r"\bpypi-AgEI[A-Za-z0-9_-]{20,}")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    (
        "a URL with a password",
        re.compile(r"\b[a-z][a-z0-9+]{1,20}://[^\s/:@$'\"]{1,100}:[^\s/@$'\"{]{3,100}@"),
    ),
)
_MOUNT = "RUN --mount=type=secret,id=NAME …, and at run time the environment or a file"


def secret_value(site: Site) -> Iterator[Hit]:
    """ENV and ARG with the name of a secret and a value."""
    keyword = site.instruction.keyword
    if keyword not in ("ENV", "ARG"):
        return
    for name, value in site.instruction.pairs:
        bare = (value or "").strip("'\"")
        if _is_secret(name) and bare.lower() not in _PLACEHOLDERS and not bare.startswith(("/", "<")):
            if "$" in bare and keyword == "ARG":
                continue
            yield Hit(site.instruction.line, f"{keyword} {name} has a value", _MOUNT)


def secret_argument(site: Site) -> Iterator[Hit]:
    """ARG with the name of a secret, to be given at build time."""
    if site.instruction.keyword == "ARG":
        for name, value in site.instruction.pairs:
            if _is_secret(name) and not (value or "").strip("'\""):
                yield Hit(site.instruction.line, f"ARG {name} asks for a secret", _MOUNT)


def secret_token(site: Site) -> Iterator[Hit]:
    """Text that has the form of well-known tokens and keys."""
    instruction = site.instruction
    if instruction.keyword == "ONBUILD":
        return  # what it triggers is looked at
    for kind, pattern in _TOKENS:
        if match := pattern.search(instruction.text):
            yield Hit(instruction.line_at(match.start()), f"this looks like {kind}", _MOUNT)
        for heredoc in instruction.heredocs:
            if match := pattern.search(heredoc.content):
                line = heredoc.line + heredoc.content.count("\n", 0, match.start())
                yield Hit(line, f"this looks like {kind}", _MOUNT)


def _is_secret(name: str) -> bool:
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).upper().split("_")
    if words[-1] in _HARMLESS_ENDS or "PUBLIC" in words or words == ["PWD"]:
        return False
    return bool(_SECRET_WORDS & set(words)) or bool(_KEYS.search("_".join(words)))


RULES = (
    Rule(
        "secret-value",
        Severity.ERROR,
        "whoever has the image can read it",
        secret_value,
    ),
    Rule(
        "secret-argument",
        Severity.WARNING,
        "values of build arguments stay in the history of the image",
        secret_argument,
    ),
    Rule("secret-token", Severity.ERROR, "whoever has the image or the Dockerfile can read it", secret_token),
)
