"""Tree hashes and audit paths against the recursive definitions, and against values that others published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.rfc9162 import AuditPath, TreeHash, implied_root
from support.merkle import mth, path, root_along, split


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


def followed(entries: list[bytes], *indices: int) -> tuple[bytes, list[AuditPath]]:
    """The root, and the audit paths of some entries."""
    tree, paths = TreeHash(), []
    for index, entry in enumerate(entries):
        if index in indices:
            paths.append(tree.follow(entry))
        else:
            tree.add(entry)
    return tree.root().value, paths


@pytest.mark.parametrize("count", range(1, 71))
def test_audit_paths_of_all_entries(count: int) -> None:
    entries = [b"%d" % i for i in range(count)]
    root, paths = followed(entries, *range(count))
    assert root == mth(entries)
    assert [found.index for found in paths] == list(range(count))
    for index, found in enumerate(paths):
        assert found.hashes == path(index, entries)
        assert implied_root(entries[index], index, count, found.hashes).value == root


@given(st.integers(1, 3000), st.data())
def test_audit_paths_of_some_entries(count: int, data: st.DataObject) -> None:
    indices = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=4))
    entries = [b"%d" % i for i in range(count)]
    root, paths = followed(entries, *indices)
    for found in paths:
        assert found.hashes == path(found.index, entries)
        assert implied_root(entries[found.index], found.index, count, found.hashes).value == root


SIBLINGS = st.lists(st.binary(min_size=32, max_size=32), max_size=60)


@given(st.integers(0, 2**53), st.integers(0, 2**53), SIBLINGS)
def test_the_root_along_a_path_agrees_with_the_definition(a: int, b: int, siblings: list[bytes]) -> None:
    """Also in trees that are too large to be built, and for paths of every length."""
    index, count = min(a, b), max(a, b) + 1
    length = path_length(index, count)
    audit = [*siblings, *[bytes(32)] * 60][:length]
    assert implied_root(b"x", index, count, audit).value == root_along(b"x", index, count, audit)
    with pytest.raises(ValueError, match="too long"):
        implied_root(b"x", index, count, [*audit, bytes(32)])
    if audit:
        with pytest.raises(ValueError, match="too short"):
            implied_root(b"x", index, count, audit[:-1])


def path_length(index: int, count: int) -> int:
    """How many hashes PATH(index, D[count]) has."""
    if count == 1:
        return 0
    k = split(count)
    return 1 + (path_length(index, k) if index < k else path_length(index - k, count - k))


@pytest.mark.parametrize(("index", "count"), [(1, 1), (0, 0), (-1, 5), (5, 5), (2**60, 5)])
def test_no_such_entry(index: int, count: int) -> None:
    with pytest.raises(ValueError, match="there is no entry"):
        implied_root(b"x", index, count, [])


@pytest.mark.parametrize("count", range(2, 20))
def test_a_path_is_that_of_one_entry_and_place(count: int) -> None:
    entries = [b"%d" % i for i in range(count)]
    root, paths = followed(entries, *range(count))
    for found in paths:
        for index in range(count):
            if index == found.index:
                continue
            try:
                other = implied_root(entries[found.index], index, count, found.hashes)
            except ValueError:
                continue
            assert other.value != root


# The audit paths of the same tree (certificate-transparency, merkle_tree_test.cc), by index and size.
CT_PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize(("index", "count"), CT_PATHS)
def test_published_audit_paths(index: int, count: int) -> None:
    entries = [bytes.fromhex(entry) for entry in CT_ENTRIES[:count]]
    root, (found,) = followed(entries, index)
    assert [sibling.hex() for sibling in found.hashes] == CT_PATHS[index, count]
    assert root.hex() == CT_ROOTS[count]
    assert implied_root(entries[index], index, count, found.hashes).hex == CT_ROOTS[count]
