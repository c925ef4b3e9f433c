"""Foreign strings and quantities as one may show them to a person.

A name in an image, a line of a tool or a value in a manifest may hold anything: line breaks,
terminal sequences, marks that turn the direction of writing. What is not printable is shown as an
escape, so that nobody's bytes can draw on the terminal or pass for a line of olos.
"""

from __future__ import annotations

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python decodes bytes that are not UTF-8 (PEP 383)


def visible(text: str) -> str:
    r"""The text on one line; what is not printable as an escape such as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def visible_lines(text: str, indent: str = "  ") -> str:
    """Like `visible`, but line breaks stay, and every line but the first is indented.

    Nothing inside the text can therefore look like the start of a message.
    """
    lines = [visible(line.removesuffix("\r")) for line in text.rstrip().split("\n")]
    return "\n".join([lines[0], *(indent + line.removeprefix(indent) for line in lines[1:])])


def visible_path(path: bytes) -> str:
    r"""A path of an image: like `visible`, and a backslash is doubled, so that no two paths look the same."""
    return visible(path.decode("utf-8", "surrogateescape").replace("\\", "\\\\"))


def _escape(char: str) -> str:
    code = ord(char)
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def size(count: float) -> str:
    """A number of bytes with a binary unit, for instance `12.3 MiB` or `512 MiB`."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in _UNITS:
        count /= 1024
        if count < 1023.95 or unit == _UNITS[-1]:
            break
    return f"{count:.1f}".removesuffix(".0") + f" {unit}"


def quantity(count: float, unit: str) -> str:
    """An amount of progress: bytes if `unit` is "B", else a number of things."""
    return size(count) if unit == "B" else f"{count:,.0f} {unit}"


def table(rows: list[tuple[str, ...]], *, right: frozenset[int] = frozenset(), indent: str = "") -> list[str]:
    """Rows as lines with aligned columns; those numbered in `right` are flush right."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        indent
        + "  ".join(
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
