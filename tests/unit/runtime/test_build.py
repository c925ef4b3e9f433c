"""The compiled parts: all sources take part, and nothing of the machine that built them stays in them."""

import pytest
from elftools.elf.elffile import ELFFile

from olos.binaries import INIT, LAUNCHER, TARGET, binary, sdk
from support.probe import ROOT

RUNTIME = ROOT / "runtime"


def test_every_source_is_built() -> None:
    recipe = (RUNTIME / "meson.build").read_text()
    built_elsewhere = {"libolos", "include"}
    for path in RUNTIME.rglob("*.c"):
        name = path.relative_to(RUNTIME)
        assert name.parts[0] in built_elsewhere or f"'{name}'" in recipe, (
            f"{name} is not in runtime/meson.build"
        )


def test_every_source_of_libolos_is_built() -> None:
    recipe = (RUNTIME / "libolos" / "meson.build").read_text()
    for path in (RUNTIME / "libolos").glob("*.[ch]"):
        assert f"'{path.name}'" in recipe


@pytest.mark.parametrize("name", ["libolos.a", "libolos.so.1"])
def test_libraries_name_no_place_of_their_making(name: str) -> None:
    data = (sdk() / "lib" / name).read_bytes()
    assert bytes(ROOT) not in data
    assert b"/tmp/" not in data


@pytest.mark.parametrize("name", [LAUNCHER, TARGET, INIT])
def test_programs_are_static_and_bare(name: str) -> None:
    path = binary(name)
    assert path.stat().st_mode & 0o777 == 0o755
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        kinds = {segment["p_type"] for segment in elf.iter_segments()}
        sections = {section.name for section in elf.iter_sections()}
        stack = next(segment for segment in elf.iter_segments() if segment["p_type"] == "PT_GNU_STACK")
    assert not kinds & {"PT_INTERP", "PT_DYNAMIC"}
    assert not sections & {".note.gnu.build-id", ".symtab", ".debug_info"}
    assert not stack["p_flags"] & 1  # executable


@pytest.mark.parametrize("name", [LAUNCHER, TARGET, INIT])
def test_programs_name_no_place_of_their_making(name: str) -> None:
    assert bytes(ROOT) not in binary(name).read_bytes()
