"""Downloads, Git branches and Debian packages for a lock."""

import hashlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from olos.digest import Digest
from olos.errors import BuildStepError, InputError, MismatchError, OlosError
from olos.extent import Extent
from olos.progress import SILENT
from olos_build import download, repository
from olos_build.cache import LayerCache
from olos_build.lock import LockedCommit, LockedDownload, Package
from olos_build.packages import packages_of
from support.web import Answer, Site, site

BODY = b"some bytes\0" * 1000


@pytest.fixture
def served() -> Iterator[Site]:
    with site() as made:
        made.answers["/file"] = Answer(BODY)
        yield made


def test_a_download(served: Site, tmp_path: Path) -> None:
    url = f"{served.url}/file"
    found = download.download(url, tmp_path / "file", SILENT)
    assert found == LockedDownload(url, Digest.sha256(BODY), len(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LayerCache]:
    with LayerCache(tmp_path / "user" / "cache", 1 << 20, SILENT) as made:
        yield made


def test_what_is_locked_is_fetched_once(served: Site, tmp_path: Path, cache: LayerCache) -> None:
    locked = LockedDownload(f"{served.url}/file", Digest.sha256(BODY), len(BODY))
    download.fetch(locked, tmp_path / "one", cache, SILENT)
    served.answers.clear()
    download.fetch(locked, tmp_path / "two", cache, SILENT)
    assert (tmp_path / "two").read_bytes() == BODY
    assert served.asked == ["/file"]


def test_a_cache_that_is_forged_is_not_believed(served: Site, tmp_path: Path, cache: LayerCache) -> None:
    (tmp_path / "forged").write_bytes(b"x" * len(BODY))
    cache.keep(Digest.sha256(BODY), Extent.of_file(tmp_path / "forged"), own=False)
    locked = LockedDownload(f"{served.url}/file", Digest.sha256(BODY), len(BODY))
    download.fetch(locked, tmp_path / "one", cache, SILENT)
    assert (tmp_path / "one").read_bytes() == BODY


def test_coded_content_stays_as_the_builders_would_get_it(served: Site, tmp_path: Path) -> None:
    served.answers["/gz"] = Answer(b"\x1f\x8bnot unpacked", headers={"Content-Encoding": "gzip"})
    download.download(f"{served.url}/gz", tmp_path / "gz", SILENT)
    assert (tmp_path / "gz").read_bytes() == b"\x1f\x8bnot unpacked"


def test_redirects_are_followed(served: Site, tmp_path: Path) -> None:
    served.answers["/old"] = Answer(status=302, headers={"Location": "/file"})
    found = download.download(f"{served.url}/old", tmp_path / "file", SILENT)
    assert (found.url, found.size) == (f"{served.url}/old", len(BODY))


MOVED = {
    "content": (LockedDownload("", Digest.sha256(b"x"), len(BODY)), "digest does not match"),
    "longer": (LockedDownload("", Digest.sha256(BODY), len(BODY) - 1), "gives more than"),
}


@pytest.mark.parametrize("case", MOVED)
def test_what_has_moved(served: Site, tmp_path: Path, cache: LayerCache, case: str) -> None:
    locked, says = MOVED[case]
    with pytest.raises(MismatchError, match=says) as caught:
        download.fetch(replace(locked, url=f"{served.url}/file"), tmp_path / "file", cache, SILENT)
    assert "olos pin --update" in (caught.value.hint or "")


BAD = {
    "file": ("file:///etc/passwd", InputError, "only http and https"),
    "ftp": ("ftp://localhost/x", InputError, "only http and https"),
    "data": ("data:,x", InputError, "only http and https"),
    "none": ("x", InputError, "is no URL"),
    "to-file": ("{url}/to-file", BuildStepError, "url 'file:///etc/passwd' is not allowed"),
    "to-ftp": ("{url}/to-ftp", BuildStepError, "redirected to 'ftp://localhost/'"),
    "loop": ("{url}/loop", BuildStepError, "302"),
    "missing": ("{url}/none", BuildStepError, "answers 404"),
    "cut": ("{url}/cut", BuildStepError, "the connection broke after 11000 of 99999 bytes"),
    "nobody": ("http://127.0.0.1:1/x", BuildStepError, "refused"),
    "newline": ("{url}/a\nb", BuildStepError, "InvalidURL"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_downloaded(served: Site, tmp_path: Path, case: str) -> None:
    for name, target in (
        ("/to-file", "file:///etc/passwd"),
        ("/to-ftp", "ftp://localhost/"),
        ("/loop", "/loop"),
    ):
        served.answers[name] = Answer(status=302, headers={"Location": target})
    served.answers["/cut"] = Answer(BODY, claimed=99999)
    url, kind, says = BAD[case]
    with pytest.raises(OlosError, match=says) as caught:
        download.download(url.format(url=served.url), tmp_path / "file", SILENT)
    assert isinstance(caught.value, kind)


def test_a_download_without_end(served: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gives more than 5000 bytes"):
        download.download(f"{served.url}/file", tmp_path / "file", SILENT, limit=5000)


def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SILENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        started = time.monotonic()
        with pytest.raises(BuildStepError, match="timed out"):
            download.download(url, tmp_path / "file", SILENT)
    assert time.monotonic() - started < 10


def test_a_server_that_drips(served: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TOTAL_SECONDS", -1)
    with pytest.raises(BuildStepError, match="takes more than -1 seconds"):
        download.download(f"{served.url}/file", tmp_path / "file", SILENT)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e", "-c", "tag.gpgSign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("git") / "repo.git"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("one", "two"):
        git(folder, "commit", "-q", "--allow-empty", "-m", name)
        git(folder, "branch", name)
    git(folder, "tag", "-a", "-m", "t", "v1", "one")
    git(folder, "tag", "both", "one")
    git(folder, "branch", "both", "two")
    return folder


@pytest.mark.parametrize(
    ("fragment", "commit"),
    [("", "two"), ("#one", "one"), ("#v1", "one"), ("#both:sub", "two"), ("#refs/tags/v1", "one")],
    ids=["head", "branch", "annotated-tag", "branch-before-tag", "full-name"],
)
def test_the_commit_of_a_branch(repo: Path, fragment: str, commit: str) -> None:
    url = f"file://{repo}{fragment}"
    expected = git(repo, "rev-parse", f"refs/heads/{commit}")
    assert repository.resolve(url, SILENT) == LockedCommit(url, expected)


def test_a_commit_is_taken_as_it_is() -> None:
    commit = hashlib.sha1(b"x", usedforsecurity=False).hexdigest()
    url = f"https://nowhere.invalid/x.git#{commit}:sub"
    assert repository.resolve(url, SILENT).commit == commit
    assert repository.at_commit("git@h:x#main:sub", commit) == f"git@h:x#{commit}:sub"


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("file:///nowhere/x.git", BuildStepError, "git cannot read it"),
        ("--upload-pack=touch${IFS}x", BuildStepError, "git cannot read it"),
        ("ext::sh -c touch%20x", BuildStepError, "git cannot read it"),
    ],
    ids=["nowhere", "option", "command"],
)
def test_what_is_no_repository(url: str, kind: type[OlosError], says: str) -> None:
    with pytest.raises(kind, match=says):
        repository.resolve(url, SILENT)


def test_a_branch_that_is_not_there(repo: Path) -> None:
    with pytest.raises(InputError, match="there is no branch or tag 'three'"):
        repository.resolve(f"file://{repo}#three", SILENT)


def dpkg(name: str) -> str:
    command = ["dpkg-query", "--show", "--showformat=${Version}", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


FILES = {
    "/usr/bin/linux.uml": "user-mode-linux",
    "/lib/x86_64-linux-gnu/libc.so.6": "libc6",
    "/usr/lib/x86_64-linux-gnu/libm.so.6": "libc6",
    "/lib64/ld-linux-x86-64.so.2": "libc6",
    "/usr/lib/uml/modules": "user-mode-linux",
}


def test_the_packages_of_files() -> None:
    foreign = ["/nowhere/at all", "/usr/bin/linux.um?", "--x", "/usr/bin/linux.uml\nx"]
    versions = {name: Package(name, dpkg(name)) for name in set(FILES.values())}
    assert packages_of(Path(path) for path in [*FILES, *foreign]) == {
        Path(path): versions[name] for path, name in FILES.items()
    }


def test_without_dpkg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert packages_of([Path("/usr/bin/linux.uml")]) == {}
