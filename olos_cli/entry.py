"""Where the program begins and ends."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

from olos_cli.loading import loading

with loading():
    from olos_cli.main import main as run


def main() -> NoReturn:
    """Run the command line of this process.

    Everything is written and closed afterwards: to take the interpreter apart as well would only cost time.
    """
    code = run()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever reads may be gone, and a closed stream has nothing left
            stream.flush()
    os._exit(code)
