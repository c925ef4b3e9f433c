import pytest

from olos_cli.text import quantity, size, table, visible, visible_lines, visible_path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [/etc/x] ümläut 名", "plain [/etc/x] ümläut 名"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\rd\0", r"a\nb\tc\rd\x00"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\u2028\u00a0\ue000", r"\u2028\xa0\ue000"),
        ("\udcff", r"\xff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=["plain", "escape", "controls", "c1", "bidi", "odd-blanks", "byte", "surrogate", "tag"],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_of_a_text_cannot_pass_for_messages() -> None:
    assert visible_lines("bad\nhint: run rm\n  in\x1b\r\n") == "bad\n  hint: run rm\n  in\\x1b"


def test_paths_that_differ_look_different() -> None:
    paths = [
        b"a\nb",
        b"a\\nb",
        b"a\\\\nb",
        b"\xff",
        b"\\xff",
        "\u00ff".encode(),
        "\u202e".encode(),
        b"\\u202e",
    ]
    shown = [visible_path(path) for path in paths]
    assert len(set(shown)) == len(paths)
    assert all(text.isprintable() for text in shown)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (2**20 - 1, "1 MiB"),
        (512 << 20, "512 MiB"),
        (3 << 60, "3072 PiB"),
    ],
)
def test_size(count: int, shown: str) -> None:
    assert size(count) == shown


def test_quantity_of_things() -> None:
    assert quantity(12345.6, "entries") == "12,346 entries"
    assert quantity(2048, "B") == "2 KiB"


def test_table_aligns() -> None:
    rows: list[tuple[str, ...]] = [("a", "1"), ("long", "234")]
    assert table(rows, right=frozenset({1}), indent=" ") == [" a       1", " long  234"]
    assert table([]) == []
