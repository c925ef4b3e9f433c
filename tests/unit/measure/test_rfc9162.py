"""The Merkle tree hash against the recursive definition, and against roots that others published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.rfc9162 import TreeHash
from support.merkle import mth


def streamed(entries: list[bytes]) -> bytes:
    tree = TreeHash()
    for entry in entries:
        tree.add(entry)
    assert tree.size == len(entries)
    return tree.root().value


@pytest.mark.parametrize("count", [*range(20), 31, 32, 33, 1000, 1023, 1024, 1025])
def test_agrees_with_the_definition(count: int) -> None:
    entries = [b"%d" % i for i in range(count)]
    assert streamed(entries) == mth(entries)


@given(st.lists(st.binary(max_size=100), max_size=70))
def test_agrees_with_the_definition_for_any_entries(entries: list[bytes]) -> None:
    assert streamed(entries) == mth(entries)


# The test tree of Certificate Transparency implementations (certificate-transparency-go, merkletree).
CT_ENTRIES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
CT_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("count", range(9))
def test_published_roots(count: int) -> None:
    entries = [bytes.fromhex(entry) for entry in CT_ENTRIES[:count]]
    assert streamed(entries).hex() == CT_ROOTS[count]


def test_the_root_may_be_asked_for_at_any_time() -> None:
    tree, entries = TreeHash(), [b"%d" % i for i in range(50)]
    for count, entry in enumerate(entries):
        assert tree.root().value == mth(entries[:count])
        tree.add(entry)
