"""`.dockerignore` against the cases that moby/patternmatcher publishes (patternmatcher_test.go)."""

import pytest

from olos.errors import InputError
from olos_build.ignorefile import IgnoreFile

# pattern, paths that it leaves out, paths that it does not
PUBLISHED = [
    ("**", "file dir/file", ""),
    ("**/", "file dir/file", ""),
    ("**/**", "dir/file", ""),
    ("dir/**", "dir/file dir/dir2/file", "dir"),
    ("**/dir", "dir dir/file", ""),
    ("**/dir2/*", "dir/dir2/file", "dir/dir2"),
    ("**/dir2/**", "dir/dir2/dir3/file", ""),
    ("**file", "file dir/file dir/dir/file", ""),
    ("**/file", "dir/file dir/dir/file", ""),
    ("**/file*", "dir/dir/file dir/dir/file.txt", ""),
    ("**/file*txt", "dir/dir/file.txt", ""),
    ("**/file*.txt", "dir/dir/file.txt", ""),
    ("**/file*.txt*", "dir/dir/file.txt", ""),
    ("**/**/*.txt", "dir/dir/file.txt file.txt", ""),
    ("**/**/*.txt2", "", "dir/dir/file.txt"),
    ("**/*.txt", "file.txt", ""),
    ("a**/*.txt", "a/file.txt a/dir/file.txt a/dir/dir/file.txt", ""),
    ("a/*.txt", "a/file.txt", "a/dir/file.txt"),
    ("a/*.txt**", "a/file.txt", ""),
    ("a[b-d]e", "ace", "ae aae"),
    ("a[^b-d]e", "aze", ""),
    (".*", ".foo", "foo"),
    ("abc.def", "abc.def", "abcdef abcZdef"),
    ("abc?def", "abcZdef", "abcdef"),
    ("**/foo/bar", "foo/bar dir/foo/bar dir/dir2/foo/bar", ""),
    ("abc/**", "abc/def abc/def/ghi", "abc"),
    ("**/.foo", ".foo", "bar.foo"),
    ("a(b)c/def", "a(b)c/def", "a(b)c/xyz"),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", ""),
    ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", ""),
    ("a\\*b", "a*b", "ab"),
    ("*", "abc", ""),
    ("*c", "abc", ""),
    ("a*", "a abc ab/c", ""),
    ("a*/b", "abc/b", "a/c/b"),
    ("a*b*c*d*e*/f", "axbxcxdxe/f axbxcxdxexxx/f", "axbxcxdxe/xxx/f axbxcxdxexxx/fff"),
    ("a*b?c*x", "abxbbxdbxebxczzx", "abxbbxdbxebxczzy"),
    ("ab[c]", "abc", ""),
    ("ab[e-g]", "", "abc"),
    ("ab[^c]", "", "abc"),
    ("ab[^e-g]", "abc", ""),
    ("a?b", "a☺b", "a/b"),
    ("a[^a]b", "a☺b", ""),
    ("a???b", "", "a☺b"),
    ("[a-ζ]*", "α", ""),
    ("*[a-ζ]", "", "A"),
    ("a*b", "", "a/b"),
    ("[\\]a]", "]", ""),
    ("[\\-]", "-", ""),
    ("[x\\-]", "x -", "z"),
    ("[\\-x]", "x -", "a"),
    ("*x", "xxx", ""),
    # Not published, but so by what the others are compiled to.
    ("**.txt", "a.txt d/a.txt", "a.txt2"),
    ("***b", "ab d/ab", "ba"),
    ("a***b", "axb a/x/yb", "xb"),
    ("[&|~[]", "& | ~ [", "x"),
]
MALFORMED = ["[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "\\", "!", "a\\\\\\", "[z-a]"]


def left_out(path: str, text: str) -> bool:
    """What a walk from the top finds out about a path."""
    ignore = IgnoreFile(text, "here")
    verdict, parts = ignore.root, path.split("/")
    for end in range(len(parts)):
        verdict = ignore.verdict("/".join(parts[: end + 1]), verdict)
    return verdict.excluded


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [(pattern, path, True) for pattern, hits, _ in PUBLISHED for path in hits.split()]
    + [(pattern, path, False) for pattern, _, misses in PUBLISHED for path in misses.split()],
)
def test_published_cases(pattern: str, path: str, expected: bool) -> None:
    assert left_out(path, pattern) is expected


@pytest.mark.parametrize("pattern", MALFORMED)
def test_malformed_patterns(pattern: str) -> None:
    with pytest.raises(InputError, match="here: line 2"):
        IgnoreFile(f"x\n{pattern}", "here")


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        (["**", "!util/docker/web"], "util/docker/web/foo", False),
        (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
        (["**", "!dist/*.whl"], "dist/x+y.whl", False),
        (["!fileutils.go", "*.go"], "fileutils.go", True),
        (["*.go", "!fileutils.go"], "fileutils.go", False),
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs/", "!docs/README.md"], "docs/README.md", False),
        (["docs/*", "!docs/README.md"], "docs/README.md", False),
        (["docs", "  !docs/README.md  "], "docs/README.md", False),
        (["d/f", "!d"], "d/f", True),
        (["! /inverted/path", "x"], "inverted/path", False),
    ],
)
def test_several_patterns(lines: list[str], path: str, expected: bool) -> None:
    assert left_out(path, "\n".join(lines)) is expected
