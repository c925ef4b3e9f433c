"""Ctrl-C while modules are loaded: it ends the program at once and without a word.

Python would raise KeyboardInterrupt in the middle of an import, where it becomes a traceback or is
taken for another error. Nothing has been written at that time, so there is nothing to undo.
"""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Within the block SIGINT has its default action, unless it is ignored or handled by somebody else.

    What is loaded stays, so no time is spent on looking for garbage in it.
    """
    gc.disable()
    try:
        with _interruptible():
            yield
    finally:
        gc.enable()


@contextmanager
def _interruptible() -> Iterator[None]:
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
