"""Hashing beside the work that brings the data: on another processor, since OpenSSL works without the GIL."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

_BACKLOG = 4
"""Pieces that may wait; each keeps its memory."""


class BackgroundHash:
    """A hash whose `update` returns at once. A context manager."""

    def __init__(self, algorithm: str) -> None:
        self._state = hashlib.new(algorithm)
        self._pool = ThreadPoolExecutor(1, "hash")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> BackgroundHash:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def update(self, data: bytes) -> None:
        """Hash more data; waits only if much is left to do."""
        self._waiting.append(self._pool.submit(self._state.update, data))
        if len(self._waiting) > _BACKLOG:
            self._waiting.popleft().result()

    def digest(self) -> bytes:
        """The digest of all data so far."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._state.digest()
