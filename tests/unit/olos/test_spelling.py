import pytest
from hypothesis import given
from hypothesis import strategies as st

from olos.errors import InputError
from olos.spelling import spell, unspell


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"", "", id="empty"),
        pytest.param(b"usr/bin", "usr/bin", id="plain"),
        pytest.param("ü名".encode(), "ü名", id="utf-8"),
        pytest.param(b"\xff\xfe", r"\xff\xfe", id="not-utf-8"),
        pytest.param(b"a\\b", r"a\\b", id="backslash"),
        pytest.param(rb"\xff", r"\\xff", id="looks-like-an-escape"),
        pytest.param(b"\xed\xb2\x80", r"\xed\xb2\x80", id="surrogate-in-utf-8"),
        pytest.param(b"\n\x1b", "\n\x1b", id="control-characters-stand-as-they-are"),
    ],
)
def test_one_spelling(data: bytes, text: str) -> None:
    assert spell(data) == text
    assert unspell(text, where="x") == data


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\\", id="lone-backslash"),
        pytest.param("\\n", id="other-escape"),
        pytest.param(r"\x4", id="one-digit"),
        pytest.param(r"\xFF", id="upper-case"),
        pytest.param(r"\x41", id="needs-no-escape"),
        pytest.param(r"\xc3\xbc", id="utf-8-as-escapes"),
        pytest.param(r"ü\\\x", id="cut-off"),
        pytest.param("\udc80", id="surrogate"),
        pytest.param("\\\\\ud800", id="surrogate-behind-an-escape"),
        pytest.param("\\\\\udcff", id="surrogate-that-stands-for-a-byte"),
    ],
)
def test_no_other_spelling(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: "):
        unspell(text, where="here")


@given(st.binary(max_size=40))
def test_there_and_back(data: bytes) -> None:
    assert unspell(spell(data), where="x") == data


@given(st.text(alphabet=st.sampled_from("\\x0fFüa\udc80\udcff"), max_size=12))
def test_what_can_be_read_is_what_is_written(text: str) -> None:
    try:
        data = unspell(text, where="x")
    except InputError:
        return
    assert spell(data) == text
