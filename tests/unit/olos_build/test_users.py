"""USER, against what runc-like engines do with the same files."""

from pathlib import Path

import pytest

from olos.errors import InputError
from olos.manifest import User
from olos.tree import Tree
from olos_build.tree_files import TreeFiles
from olos_build.users import home_of, resolve_user
from support.trees import Store, symlink, tree_of

PASSWD = b"""root:x:0:0:root:/root:/bin/sh

app:x:1000:1001:App:/home/app:/bin/sh
twin:x:1000:1002:Twin:/home/twin:/bin/sh
app:x:5:5:again:/:/bin/sh
nohome:x:1003:1003
  indented:x:1004:1004::/i:/bin/sh
broken:x:many:1:::
bad-group:x:1:-3:::
huge:x:2147483648:1:::
1234:x:77:77::/named-by-number:
"""
GROUP = b"""root:x:0:
app:x:1001:
wheel:x:10:root,app
audio:x:29:twin,app,app
again:x:29:app
www:x:33:
www:x:34:
huge:x:99999999999:nobody
"""


def tree(folder: Path, passwd: bytes | None = PASSWD, group: bytes | None = GROUP) -> Tree:
    store = Store(folder / "store")
    files = {b"etc/passwd": passwd, b"etc/group": group}
    return tree_of({path: store.regular(data) for path, data in files.items() if data is not None})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", User(0, 0, (10,))),
        ("root", User(0, 0, (10,))),
        ("0", User(0, 0, (10,))),
        ("app", User(1000, 1001, (10, 29))),
        ("twin", User(1000, 1002, (29,))),
        ("1000", User(1000, 1001, (10, 29))),
        ("01000", User(1000, 1001, (10, 29))),
        ("app:www", User(1000, 33)),
        ("app:7", User(1000, 7)),
        ("app:10", User(1000, 10)),
        ("4242", User(4242, 0)),
        ("4242:4243", User(4242, 4243)),
        ("4242:www", User(4242, 33)),
        ("0:0", User(0, 0)),
        (":www", User(0, 33)),
        ("nohome", User(1003, 1003)),
        ("indented", User(1004, 1004)),
        ("1234", User(1234, 0)),
        ("2147483647", User(2**31 - 1, 0)),
    ],
)
def test_users(tmp_path: Path, text: str, expected: User) -> None:
    assert resolve_user(text, TreeFiles(tree(tmp_path))) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nobody", "user 'nobody' is not in /etc/passwd"),
        ("app:nobody", "group 'nobody' is not in /etc/group"),
        ("-1", "user '-1' is not in /etc/passwd"),
        ("app:", "has no form"),
        ("a:b:c", "has no form"),
        ("2147483648", "no id"),
        ("0:2147483648", "no id"),
        ("broken", "/etc/passwd: 'many' is no id"),
        ("bad-group", "/etc/passwd: '-3' is no id"),
        ("huge", "/etc/passwd: '2147483648' is no id"),
        ("app:huge", "/etc/group: '99999999999' is no id"),
        ("١", "is not in /etc/passwd"),
    ],
)
def test_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_user(text, TreeFiles(tree(tmp_path)))


def test_without_files(tmp_path: Path) -> None:
    files = TreeFiles(tree(tmp_path, None, None))
    assert resolve_user("", files) == User(0, 0)
    assert resolve_user("1:2", files) == User(1, 2)
    assert home_of(0, files) == "/"
    with pytest.raises(InputError, match="/etc/passwd"):
        resolve_user("app", files)


@pytest.mark.parametrize(
    ("uid", "home"),
    [(0, "/root"), (1000, "/home/app"), (1003, "/"), (4242, "/"), (77, "/named-by-number")],
)
def test_homes(tmp_path: Path, uid: int, home: str) -> None:
    assert home_of(uid, TreeFiles(tree(tmp_path))) == home


def test_files_behind_symlinks(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    links = {b"etc/passwd": symlink(b"/usr/etc/passwd"), b"usr/etc": symlink(b"../../../../data")}
    files = TreeFiles(tree_of({**links, b"data/passwd": store.regular(PASSWD)}))
    assert resolve_user("app", files) == User(1000, 1001)


@pytest.mark.parametrize(
    ("passwd", "message"),
    [(b"#" * (5 << 20), "more than"), (b"root:x:0:0::/\xff:", "lone surrogate")],
    ids=["large", "not UTF-8"],
)
def test_hostile_files(tmp_path: Path, passwd: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"/etc/passwd.*{message}"):
        home_of(0, TreeFiles(tree(tmp_path, passwd)))


def test_what_is_no_file(tmp_path: Path) -> None:
    for inodes, message in (
        ({b"etc/passwd": symlink(b"passwd")}, "cycle"),
        ({b"etc/passwd/x": symlink(b"y")}, "not a regular file"),
    ):
        with pytest.raises(InputError, match=message):
            resolve_user("app", TreeFiles(tree_of(inodes)))
