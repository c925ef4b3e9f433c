import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from olos.errors import InputError
from olos.manifest import Manifest, Mount, Policy
from olos.rlimit import Rlimit
from olos_build.appconfig import AppOverrides
from olos_build.settings import Settings, load, parse
from support.manifests import manifest_of
from support.olos import ROOT


def read(text: str) -> Settings:
    return parse(text.encode(), "olos.toml")


def test_an_empty_file_changes_nothing() -> None:
    assert read("") == read("[app]\n[policy]\n[build]\n") == Settings()


def test_app() -> None:
    settings = read(
        """
        [app]
        args = ["/bin/app", "", "ü"]
        cwd = "/data"
        user = 1000
        hostname = "app"
        stop_signal = "SIGINT"
        expose = ["9", "80/udp", "80/TCP", "9/tcp", "7000-7001"]
        env = { Z = "1", "a.b-c" = "x=y\\nz", A = "" }
        """
    )
    assert settings.app == AppOverrides(
        args=("/bin/app", "", "ü"),
        cwd="/data",
        user="1000",
        hostname="app",
        stop_signal=2,
        expose=("7000/tcp", "7001/tcp", "80/tcp", "80/udp", "9/tcp"),
        env={"Z": "1", "a.b-c": "x=y\nz", "A": ""},
    )
    assert list(settings.app.env) == ["Z", "a.b-c", "A"]


def test_policy() -> None:
    settings = read(
        r"""
        [policy]
        target = "linux"
        memory = "1G"
        debug = true
        product_id = 65535
        security_version = 3
        host_args = "append"
        host_env = ["TZ", "LANG", "TZ"]
        ports = []
        credentials = "none"
        mounts = [
            { target = "/tmp/x", size = "64MiB", read_only = true },
            { target = "/tmp", type = "tmpfs", size = 4096 },
            { target = "/tmp-y" },
        ]
        log_level = "info"
        [policy.host_env_patterns]
        TZ = "[A-Za-z_/]{1,30}"
        LANG = 'C|[a-z]{2}_[A-Z]{2}(\.UTF-8)?'
        [policy.rlimits]
        stack = "64M"
        nofile = [1024, 4096]
        core = ["0", "unlimited"]
        """
    )
    assert settings.policy == Policy(
        memory=1 << 30,
        debug=True,
        product_id=65535,
        security_version=3,
        host_args="append",
        host_env=("LANG", "TZ"),
        mounts=(
            Mount("/tmp", "tmpfs", False, 4096),
            Mount("/tmp-y", "tmpfs", False, 0),
            Mount("/tmp/x", "tmpfs", True, 64 << 20),
        ),
        log_level="info",
        host_env_patterns=(("LANG", r"C|[a-z]{2}_[A-Z]{2}(\.UTF-8)?"), ("TZ", "[A-Za-z_/]{1,30}")),
        rlimits=(Rlimit("core", 0, None), Rlimit("nofile", 1024, 4096), Rlimit("stack", 64 << 20, 64 << 20)),
    )
    encoded = manifest_of(policy=settings.policy).encode()
    assert Manifest.decode(encoded).policy == settings.policy


MANY_HOST_MOUNTS = ",".join(f"{{target='/{n}', type='host'}}" for n in range(17))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('"512M"', 512 << 20),
        ('"64 MiB"', 64 << 20),
        ('"2G"', 2 << 30),
        ('"1T"', 1 << 40),
        ('"65536K"', 64 << 20),
        ("67108864", 64 << 20),
        ('"67108864"', 64 << 20),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert read(f"policy.memory = {text}").policy.memory == size


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[police]", "police: unknown key"),
        ("x = 1", "x: unknown key"),
        ("[policy]\nmemroy = 1", "policy.memroy: unknown key"),
        ("[app]\nentrypoint = []", "app.entrypoint: unknown key"),
        ("[build]\nepoch = 1", "build.epoch: unknown key"),
        ("[[policy.mounts]]\ntarget = '/x'\nsource = '/y'", r"policy.mounts\[0\].source: unknown key"),
        ("app = 1", "app: expected an object, found a number"),
        ("[[app]]", "app: expected an object, found a list"),
        ("app.args = '/bin/sh'", "app.args: expected a list, found a string"),
        ("app.args = [1]", r"app.args\[0\]: expected a string, found a number"),
        ("app.args = []", "app.args: names no program"),
        ("app.args = ['']", "app.args: names no program"),
        ('app.args = ["a\\u0000b"]', "NUL"),
        ("app.env = ['A=1']", "app.env: expected an object"),
        ("app.env.A = 1", "app.env.A: expected a string, found a number"),
        ("app.env.'A=B' = ''", "'A=B' is no name"),
        ("app.env.'' = ''", "'' is no name"),
        ('app.env."A\\u0000" = ""', "NUL"),
        ("app.env.OLOS_TARGET = 'sgx'", "'OLOS_TARGET' must not be set"),
        ("app.env.OLOS_X = ''", "'OLOS_X' must not be set"),
        ("app.cwd = 'data'", "app.cwd: 'data' is no absolute path"),
        ("app.cwd = '/a/../b'", "app.cwd: '/a/../b' is no absolute path"),
        ("app.user = -1", "app.user: -1 is not from 0"),
        ("app.user = true", "app.user: expected a string, found true or false"),
        ("app.hostname = 'a b'", "app.hostname: 'a b' is no host name"),
        ("app.stop_signal = 'SIGNOTHING'", "SIGNOTHING"),
        ("app.stop_signal = 65", "65"),
        ("app.stop_signal = 0", "'0'"),
        ("app.expose = ['0']", "'0'"),
        ("app.expose = ['80/icmp']", "80/icmp"),
        ("policy.target = 'sgx'", "policy.target: 'sgx' is none of linux"),
        ("policy.memory = '63M'", "policy.memory: 66060288 is not from 67108864"),
        ("policy.memory = 67108865", "not a multiple of 1 MiB"),
        ("policy.memory = '1GB'", "policy.memory: '1GB' is no size"),
        ("policy.memory = '-1G'", "policy.memory: '-1G' is no size"),
        ("policy.memory = '99999999T'", "policy.memory: .* is not from"),
        ("policy.memory = 1.5", "policy.memory: expected a whole number, found float"),
        ("policy.memory = 1979-05-27", "policy.memory: expected a whole number, found date"),
        ("policy.debug = 1", "policy.debug: expected true or false"),
        ("policy.product_id = 65536", "policy.product_id: 65536 is not from 0 to 65535"),
        ("policy.security_version = -1", "policy.security_version: -1"),
        ("policy.host_args = 'allow'", "policy.host_args: 'allow' is none of deny, append, replace"),
        ("policy.host_env = ['*']", r"policy.host_env: '\*' is no name"),
        ("policy.host_env = ['OLOS_TARGET']", "'OLOS_TARGET' must not be set"),
        ("policy.mounts = [1]", r"policy.mounts\[0\]: expected an object"),
        ("policy.mounts = [{}]", r"policy.mounts\[0\].target: missing"),
        ("policy.mounts = [{target='/a'}, {target='/a'}]", "two mounts have the same target"),
        ("policy.mounts = [{target='/a/'}]", r"policy.mounts\[0\].target: '/a/' is no absolute path"),
        ("policy.mounts = [{target='/a', type='nfs'}]", "'nfs' is none of tmpfs, host, sealed"),
        ("policy.log_level = 'trace'", "policy.log_level: 'trace' is none of error, info, debug"),
        ("policy.host_env_patterns = ['A']", "policy.host_env_patterns: expected an object"),
        ("policy.host_env_patterns.A = 'a'", "policy.host_env_patterns: 'A' is not in policy.host_env"),
        ("policy.host_env_patterns.A = 1", "policy.host_env_patterns.A: expected a string"),
        ("policy.host_env_patterns.A = '^a'", r"patterns.A: '\^a': character 1: this has no meaning"),
        ("policy.rlimits = 5", "policy.rlimits: expected an object"),
        ("policy.rlimits.files = 5", "policy.rlimits.files: unknown limit"),
        ("policy.rlimits.cpu = [1, 2, 3]", "policy.rlimits.cpu: expected one limit, or a list"),
        ("policy.rlimits.cpu = [2, 1]", "policy.rlimits.cpu: the soft limit is above the hard"),
        ("policy.rlimits.cpu = -1", "policy.rlimits.cpu: -1 is not from 0"),
        ("policy.rlimits.cpu = true", "policy.rlimits.cpu: expected a whole number"),
        ("policy.rlimits.nofile = 'unlimited'", "policy.rlimits.nofile: more than 1048576"),
        ("build.source_date_epoch = -1", "build.source_date_epoch: -1"),
        ("build.source_date_epoch = '0'", "build.source_date_epoch: expected a whole number"),
        ("[policy", "not TOML: Expected"),
        ("a = 1\na = 2", "not TOML: Cannot overwrite a value .at end of document"),
        ("a = " + "9" * 5000, "not TOML: "),
        ("a = " + "[" * 5000, "nested too deeply|not TOML"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=f"^olos.toml: .*{says}"):
        read(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policy.mounts = [{target='/a', type='host', size=1}]", "'/a': a host mount has no size"),
        ("policy.mounts = [{target='/a=b', type='host'}]", "'/a=b': the target of a host mount has no '='"),
        (f"policy.mounts = [{MANY_HOST_MOUNTS}]", "more than 16 host mounts"),
        ("policy.mounts = [{target='/a', type='sealed'}]", "no mounts of type sealed yet"),
        ("policy.mounts = [{target='/'}]", "'/': cannot be covered"),
        ("policy.mounts = [{target='/proc'}]", "'/proc': cannot be covered"),
        ("policy.mounts = [{target='/dev/shm'}]", "'/dev/shm': cannot be covered"),
        ("policy.mounts = [{target='/run/olos'}]", "'/run/olos': cannot be covered"),
        ("policy.ports = ['80/sctp']", "policy.ports: 80/sctp: only tcp and udp can be published"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_target_cannot_do_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read(text)
    assert caught.value.hint


def test_a_directory_beside_the_runtime_s_may_be_covered() -> None:
    assert read("policy.mounts = [{target='/devices'}]").policy.mounts[0].target == "/devices"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[policy]\nmemroy = 1", "did you mean 'memory'?"),
        ("[polcy]", "did you mean 'policy'?"),
        ("[app]\nxyzzy = 1", "known keys: args, cwd, env, expose, hostname, stop_signal, user"),
    ],
)
def test_unknown_keys_get_a_suggestion(text: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize("data", [b"\xff", b'[app]\nhostname = "\xed\xa0\x80"'], ids=["latin", "surrogate"])
def test_not_utf_8(data: bytes) -> None:
    with pytest.raises(InputError, match="not UTF-8 at byte"):
        parse(data, "olos.toml")


@pytest.mark.parametrize("kind", ["absent", "directory", "fifo", "zero", "large", "loop"])
def test_files_that_are_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "olos.toml"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero":
        path = Path("/dev/zero")
    elif kind == "large":
        path.write_bytes(b"#" * (1 << 20))
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(InputError, match=str(path)):
        load(path)


def test_the_example_of_the_document_is_valid_and_names_every_table() -> None:
    document = (ROOT / "docs" / "olos-toml.md").read_text("utf-8")
    example = document.split("```toml\n")[1].split("```")[0]
    settings = read(example)
    assert settings.policy.memory == 1 << 30
    for table in tomllib.loads(example):
        assert f"## [{table}]" in document


def test_the_document_names_every_key() -> None:
    document = (ROOT / "docs" / "olos-toml.md").read_text("utf-8")
    keys = [*vars(AppOverrides()), *vars(Policy()), *vars(Mount("/", "tmpfs", False, 0)), "source_date_epoch"]
    for key in keys:
        assert f"| `{key}` | " in document


@pytest.mark.parametrize(
    ("text", "ports"),
    [("", ("53/udp", "80/tcp")), ("policy.ports = []", ()), ("policy.ports = ['80/tcp']", ("80/tcp",))],
    ids=["as-exposed", "none", "named"],
)
def test_ports_are_those_of_expose_unless_named(text: str, ports: tuple[str, ...]) -> None:
    app = replace(manifest_of().app, expose=("53/udp", "80/tcp", "9/sctp"))
    assert read(text).policy_for(app).ports == ports
    assert not read(text).policy_for(app).outgoing
    assert read("policy.outgoing = true").policy_for(app).outgoing
