"""Outputs that appear whole or not at all: written beside the target, synced, renamed."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from olos.errors import InputError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def atomic_file(path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A new file that takes the name `path` when the block ends well; else nothing changes.

    Raises InputError if it cannot be written, or is there and no regular file.
    """
    with _translated(path):
        _check_replaceable(path)
    temporary = _temporary(path)
    try:
        with _translated(path):
            with temporary.open("x+b") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            temporary.replace(path)
            _sync_directory(path.parent)
    finally:
        with _uninterrupted(), suppress(OSError):  # what could not be made has a better reason to tell
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A new directory that takes the name `path`, in place of one that is there, when the block ends well.

    Whether an old one may be replaced is the caller's to check. `durable`: sync every file first; they
    must be regular ones. Raises InputError if it cannot be written.
    """
    path = Path(os.path.realpath(path))
    temporary = _temporary(path)
    with _translated(path), _parents(path):
        try:
            temporary.mkdir(0o700)
            yield temporary
            temporary.chmod(0o755)
            if durable:
                _sync_tree(temporary)
            if path.exists():
                _exchange(temporary, path)
            else:
                temporary.rename(path)
            _sync_directory(path.parent)
        finally:
            with _uninterrupted():
                shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: Path) -> None:
    """Raise InputError unless `path` is free for a new directory: nothing is there, or an empty directory."""
    hint = "name a directory that does not exist yet, or an empty one"
    try:
        if path.is_dir():
            if any(path.iterdir()):
                raise InputError(f"{path}: is not empty", hint=hint)
        elif os.path.lexists(path):
            raise InputError(f"{path}: is not a directory", hint=hint)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc


def _check_replaceable(path: Path) -> None:
    """A new file would take the place of a device or pipe, for everybody who uses it."""
    if path.is_dir():
        raise InputError(f"{path}: is a directory", hint="name a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is not a regular file", hint="name a file, or one that does not exist yet")


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """The directories above `path`: made where they are missing, and taken away again if the block fails."""
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        if not missing and not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with _uninterrupted(), suppress(OSError):
            for folder in missing:  # the innermost first; one that others use is not empty
                folder.rmdir()
        raise


def _temporary(path: Path) -> Path:
    """A name beside `path`, known before anything has it, so that nothing is left behind at any moment."""
    return path.with_name(f".{path.name[:60]}.{secrets.token_hex(8)}")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals that end the program wait until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        hint = "free some space, or write elsewhere" if exc.errno == errno.ENOSPC else None
        raise InputError(f"{path}: cannot be written: {exc.strerror}", hint=hint) from exc


def _exchange(first: Path, second: Path) -> None:
    """Swap two names in one step (renameat2 with RENAME_EXCHANGE)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(second))
    aside = first.with_name(first.name + ".old")  # file systems without an atomic exchange
    second.rename(aside)
    first.rename(second)
    aside.rename(first)


def _sync_tree(root: Path) -> None:
    for directory, _, files in os.walk(root):
        for name in files:
            _sync_file(Path(directory) / name)
        _sync_directory(Path(directory))


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
