"""Where the program begins."""

from olos_cli.loading import loading

with loading():
    from olos_cli.main import main

__all__ = ["main"]
