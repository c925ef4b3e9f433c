"""The vocabulary of olos: values, formats and readers.

Nothing here starts a program, opens a network connection or asks the clock.
The other packages import from here; this package imports the standard library only.
"""

VERSION = "0.1.0"
"""Of this program; that of a format is part of the format's name."""
