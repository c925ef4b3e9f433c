"""Paths in proofs: absolute, in normal form, and as text in the one spelling of `olos.spelling`."""

from __future__ import annotations

import posixpath

from measure.leaf import is_path
from olos.errors import InputError, UsageError
from olos.spelling import spell, unspell


def spell_path(path: bytes) -> str:
    """The path of an entry as a proof has it, with a leading slash."""
    return "/" + spell(path)


def read_path(text: str, *, where: str) -> bytes:
    """The path of an entry from the spelling of a proof. Raises InputError, naming `where`, for any other."""
    path = _entry_path(unspell(text, where=where))
    if path is None:
        raise InputError(f"{where}: {text[:150]!r} is not an absolute path in normal form")
    return path


def path_of(argument: bytes) -> bytes:
    """The path of an entry from what a user asks for. Raises UsageError if it is not in normal form."""
    path = _entry_path(argument)
    if path is None:
        normal = posixpath.normpath(b"/" + argument.strip(b"/"))
        raise UsageError(
            f"{spell(argument)[:150]!r} is not an absolute path in normal form",
            hint=f"write {spell(normal)}"
            if _entry_path(normal) is not None
            else "no image has such a file: names have at most 255 bytes, paths 4095",
        )
    return path


def _entry_path(absolute: bytes) -> bytes | None:
    path = absolute.removeprefix(b"/")
    return path if absolute == b"/" + path and is_path(path) else None
