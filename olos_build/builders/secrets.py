"""`--secret` and `--ssh`: what RUN steps may see and images must not hold.

The forms are those of docker(1) and buildah(1): `id=NAME,src=FILE`, `id=NAME,env=VARIABLE`, and
`default|NAME[=SOCKET|KEY[,KEY]]`. They are checked before a build starts, the same for all builders.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from olos.errors import InputError, UsageError

MAX_SIZE = 500 << 10
"""Bytes; the largest secret that BuildKit takes."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SEPARATORS = re.compile(r"[,\"\n\r]")
_FORM = "id=NAME,src=FILE or id=NAME,env=VARIABLE"
_KEYS = {"id": "id", "src": "src", "source": "src", "env": "env", "type": "type"}
_AGENT = "SSH_AUTH_SOCK"


@dataclass(frozen=True)
class Secret:
    """One secret, from a file or from a variable of the environment. Its value is not held here."""

    id: str
    file: Path | None = None
    variable: str | None = None

    def option(self) -> str:
        """As the builders' programs take it."""
        return f"id={self.id},src={self.file}" if self.file else f"id={self.id},env={self.variable}"


@dataclass(frozen=True)
class SshSource:
    """An agent's socket, or keys; without either, the agent of SSH_AUTH_SOCK."""

    id: str
    paths: tuple[Path, ...] = ()

    def option(self) -> str:
        """As the builders' programs take it."""
        return f"{self.id}={','.join(map(str, self.paths))}" if self.paths else self.id


def parse_secrets(texts: Iterable[str]) -> tuple[Secret, ...]:
    """The values of `--secret`. Raises UsageError; InputError if a file or variable is not there."""
    secrets = tuple(map(_secret, texts))
    _check_unique("--secret", [secret.id for secret in secrets])
    return secrets


def parse_ssh(texts: Iterable[str]) -> tuple[SshSource, ...]:
    """The values of `--ssh`. Raises UsageError, and InputError for sockets and keys that are not there."""
    sources = tuple(map(_ssh, texts))
    _check_unique("--ssh", [source.id for source in sources])
    return sources


def _secret(text: str) -> Secret:
    fields = _fields(text)
    name, file, variable = fields.get("id", ""), fields.get("src"), fields.get("env")
    if fields.get("type") == "env" and file and not variable:  # How buildah and older docker say it.
        file, variable = None, file
    if not _ID.fullmatch(name) or (file is None) == (variable is None):
        raise UsageError(f"--secret {_without_values(text)}: has no form {_FORM}")
    if variable is not None:
        return _from_environment(name, variable)
    return Secret(name, file=_readable(f"--secret id={name}", Path(file or "")))


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        known = _KEYS.get(key.strip().lower())
        if not equals or known is None or known in fields:
            raise UsageError(f"--secret {_without_values(text)}: has no form {_FORM}")
        fields[known] = value
    if fields.get("type", "file") not in ("file", "env"):
        raise UsageError(f"--secret {_without_values(text)}: type is file or env")
    return fields


def _without_values(text: str) -> str:
    """What a message may show: somebody may have written the secret itself."""
    keys = (part.partition("=")[0] for part in text.split(","))
    return ",".join(f"{key}=…" if key in _KEYS else "…" for key in keys)


def _from_environment(name: str, variable: str) -> Secret:
    if not _VARIABLE.fullmatch(variable):
        raise UsageError(f"--secret id={name}: env= takes the name of a variable, not a value")
    if variable not in os.environ:
        raise InputError(
            f"--secret id={name}: {variable} is not in the environment", hint=f"export {variable}=…"
        )
    if len(os.environb[os.fsencode(variable)]) > MAX_SIZE:
        raise InputError(f"--secret id={name}: larger than {MAX_SIZE} bytes")
    return Secret(name, variable=variable)


def _readable(option: str, path: Path) -> Path:
    """The absolute path of a small regular file."""
    path = _absolute(option, path)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
    except OSError as exc:
        raise InputError(f"{option}: {path}: cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{option}: {path}: is not a regular file")
    if status.st_size > MAX_SIZE:
        raise InputError(f"{option}: {path}: larger than {MAX_SIZE} bytes")
    return path


def _absolute(option: str, path: Path) -> Path:
    path = path.absolute()
    if _SEPARATORS.search(str(path)):
        raise InputError(
            f"{option}: {path}: builders take no path with a comma, a quote or a line break",
            hint="make a symlink to it with another name",
        )
    return path


def _ssh(text: str) -> SshSource:
    name, equals, rest = text.partition("=")
    if not _ID.fullmatch(name) or bool(equals) != bool(rest):
        raise UsageError(f"--ssh {text}: has no form default, NAME or NAME=SOCKET|KEY[,KEY]")
    if not equals and not Path(os.environ.get(_AGENT, "")).is_socket():
        raise InputError(
            f"--ssh {name}: no agent: {_AGENT} names no socket", hint="start ssh-agent and run ssh-add"
        )
    paths = rest.split(",") if rest else ()
    return SshSource(name, tuple(_socket_or_key(f"--ssh {name}", Path(path)) for path in paths))


def _socket_or_key(option: str, path: Path) -> Path:
    path = _absolute(option, path)
    return path if path.is_socket() else _readable(option, path)


def _check_unique(option: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{option}: {name} is given twice")
