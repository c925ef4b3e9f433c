"""Writing SGXS streams byte by byte, from the description of the format alone."""

from collections.abc import Iterable

from measure.mrenclave import Page


def word(value: int, width: int) -> bytes:
    return value.to_bytes(width, "little")


def ecreate(size: int, ssa_frame_size: int = 1, tag: bytes = b"ECREATE\0") -> bytes:
    return (tag + word(ssa_frame_size, 4) + word(size, 8)).ljust(64, b"\0")


def eadd(offset: int, flags: int = 0x205) -> bytes:
    return (b"EADD\0\0\0\0" + word(offset, 8) + word(flags, 8)).ljust(64, b"\0")


def chunk(offset: int, data: bytes, *, measured: bool = True) -> bytes:
    assert len(data) == 256
    tag = b"EEXTEND\0" if measured else b"UNMEASRD"
    return (tag + word(offset, 8)).ljust(64, b"\0") + data


def page_records(page: Page, *, unmeasured: bool = True) -> bytes:
    """A page as records; with `unmeasured`, what is not measured is there as UNMEASRD."""
    rights = 0 if page.type.name == "TCS" else page.permissions.value
    result = eadd(page.offset, page.type.value * 256 + rights)
    for number in range(16):
        measured = page.measured and bool(page.chunks & 1 << number)
        if measured or unmeasured:
            at = number * 256
            result += chunk(page.offset + at, page.content[at : at + 256], measured=measured)
    return result


def stream_of(pages: Iterable[Page], size: int, ssa_frame_size: int = 1, *, unmeasured: bool = True) -> bytes:
    """The whole stream."""
    return ecreate(size, ssa_frame_size) + b"".join(
        page_records(page, unmeasured=unmeasured) for page in pages
    )
