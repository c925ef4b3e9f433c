"""Real apps, from Debian's packages as they are. Those that take long are in test_apps_long.py."""

import csv
import signal
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from measure.evidence.tls.client import context
from measure.evidence.tls.peer import Peer
from olos.manifest import Manifest
from support.apps import PATIENCE, build_app, run_app
from support.network import free_port
from support.olos import execute, olos
from support.runtime import command, running, with_app
from support.tee_apps import demands_of, root_of
from support.terminal import Session, on_terminal

PROMPT = b"[ready] "
TLS = r"""
pid /tmp/nginx.pid;
error_log /tmp/error.log;
daemon off;
events { worker_connections 64; }
http {
    access_log off;
    server {
        listen 8443 ssl;
        ssl_protocols TLSv1.3;
        ssl_certificate /run/olos/cert.pem;
        ssl_certificate_key /run/olos/key.pem;
        root /usr/share/common-licenses;
    }
}
"""
FACILITIES = """\
io_uring: yes
membarrier: yes
rseq: ENOSYS
perf: ENOSYS
landlock: ENOSYS
userfaultfd: EPERM
user namespace: ENOSPC
pidfd: yes
timerfd: yes
signalfd: yes
inotify: yes
message queue: yes
shared memory: yes
semaphores: yes
memfd: yes
getcpu: yes
affinity: {0}
ticks of real time: yes
ticks of processor time: yes
descriptor over a socket: through
peer of a socket: (True, True)
multicast on loopback: received
localhost: 127.0.0.1
unknown host: not found
raw socket: SOCK_RAW
16 GiB of addresses: yes
256 GiB of addresses: yes
1 TiB of addresses: no
one device: yes
file without a name: ENOTSUP
direct input and output: EINVAL
file without a name in /dev/shm: yes
temporary file: BufferedRandom
/dev/fd: proc/self/fd
overcommit: 0
hostname: 127.0.0.1
"""
POOLS = """\
fork 328350
spawn 328350
forkserver 328350
Pool 328350
Manager 1
echo 190
"""


@pytest.fixture(scope="module")
def layout(debian: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_app("small", debian, tmp_path_factory.mktemp("apps"))


def test_facilities(layout: Path) -> None:
    """What apps find, and what docs/limits.md says that they do not."""
    assert run_app(layout, "-c", "python3 /app/facilities.py") == FACILITIES


def test_threaded_web_server_of_python(layout: Path) -> None:
    assert run_app(layout, "-c", "python3 /app/web.py") == "200 answers\n"


def test_pools_of_processes(layout: Path) -> None:
    assert run_app(layout, "-c", "python3 /app/pools.py") == POOLS


def test_redis(layout: Path) -> None:
    output = run_app(layout, "-c", "bash /app/redis.sh 500")
    start, table, end = output.partition('"test","rps"')
    assert start == "OK\n42\nerrors: 0, replies: 2\n"
    rows = list(csv.reader((table + end).splitlines()))
    rates = {row[0]: float(row[1]) for row in rows[1:] if len(row) > 1}
    assert list(rates) == ["SET", "GET", "INCR", "LPUSH"]
    assert min(rates.values()) > 0
    assert end.endswith("rdb_last_bgsave_status:ok\n42\n")


def test_nginx(layout: Path) -> None:
    output = run_app(layout, "-c", "bash /app/nginx.sh 1")
    assert output.startswith("0 differ\n")
    assert "Requests/sec" in output
    assert output.endswith("\nended\n")
    for word in ("Socket errors", "Non-2xx", "[error]", "[alert]", "[emerg]"):
        assert word not in output


def test_nginx_with_a_client_outside(layout: Path) -> None:
    """What it serves is what the image holds; wrk(1) of this machine finds no wrong answer."""
    serve = "echo ready; exec nginx -c /app/nginx.conf -g 'daemon off;'"
    port = free_port()
    url = f"http://127.0.0.1:{port}/GPL-3"
    with running(layout, ["--olos-publish", f"{port}:8080", "-c", serve]) as server:
        execute(
            [
                "curl",
                "-sS",
                "--retry",
                "20",
                "--retry-all-errors",
                "--retry-delay",
                "1",
                "-o",
                "/dev/null",
                url,
            ]
        )
        expected = olos("cat", layout, "/usr/share/common-licenses/GPL-3").stdout
        assert execute(["curl", "-sSf", url]).stdout == expected
        load = execute(["wrk", "-t1", "-c8", "-d2s", url]).stdout
        assert "Requests/sec" in load
        assert "Socket errors" not in load
        assert "Non-2xx" not in load
        server.send_signal(signal.SIGQUIT)
        assert server.wait(PATIENCE) == 0


def test_sqlite(layout: Path) -> None:
    assert run_app(layout, "-c", "bash /app/sqlite.sh") == "wal\n20010|200210055\nok\n"


def test_pipeline_of_ten(layout: Path) -> None:
    script = "seq 20000 | cat | rev | sort | rev | tac | tail -n +1 | sort -n | md5sum | cut -c -32"
    script = f"set -o pipefail; {script}; echo ${{#PIPESTATUS[@]}} ${{PIPESTATUS[*]}}; seq 20000 | md5sum"
    first, states, second = run_app(layout, "-c", script).splitlines()
    assert second == f"{first}  -"
    assert states == f"10{' 0' * 10}"


def test_process_substitution(layout: Path) -> None:
    """Through /dev/fd."""
    script = "exec 3> >(cat >&2); last=$!; paste -d+ <(seq 3) <(seq 4 6) >&3; exec 3>&-; wait $last"
    assert run_app(layout, "-c", script) == "1+4\n2+5\n3+6\n"


def answer(session: Session, keys: bytes) -> list[str]:
    """What stands on the terminal from these keys to the next prompt, line by line."""
    session.write(keys)
    text = session.read_until(PROMPT).removesuffix(PROMPT).decode()
    return [line for line in text.replace("\r\n", "\n").split("\n") if line]


def test_job_control(layout: Path) -> None:
    with on_terminal(command(layout, "--norc", "--noediting", "-i")) as shell:
        answer(shell, b"PS1='[rea''dy] '; stty -echo\r")
        shell.write(b"(echo started; exec sleep 1000) | cat\r")
        shell.read_until(b"started")
        job = "( echo started; exec sleep 1000 ) | cat"
        assert answer(shell, b"\x1a") == [f"[1]+  Stopped                 {job}"]
        assert answer(shell, b"bg\r") == [f"[1]+ {job} &"]
        assert answer(shell, b"jobs\r") == [f"[1]+  Running                 {job} &"]
        shell.write(b"fg\r")
        shell.read_until(job.encode())
        assert answer(shell, b"\x03") == []
        assert answer(shell, b"echo $?\r") == ["130"]
        assert answer(shell, b"(exit 7) & wait $!; echo $?\r")[-1] == "7"
        shell.write(b"exit 5\r")
        assert shell.wait() == 5


def test_a_job_that_reads_in_the_background_stops(layout: Path) -> None:
    with on_terminal(command(layout, "--norc", "--noediting", "-i")) as shell:
        answer(shell, b"PS1='[rea''dy] '; stty -echo; set -b\r")
        shell.write(b"cat &\r")
        shell.read_until(b"Stopped")
        shell.write(b"fg\r")
        shell.read_until(b"cat\r\n")
        shell.write(b"typed\r")
        shell.read_until(b"typed\r\n")
        shell.write(b"\x04")
        shell.read_until(PROMPT)
        shell.write(b"kill -HUP $$\r")
        assert shell.wait() == -signal.SIGHUP


def test_nginx_with_the_credentials_of_the_package(layout: Path, tmp_path: Path) -> None:
    """It takes the files as they are, and who demands the measurement talks to it."""
    manifest = Manifest.decode((layout / "olos.json").read_bytes())
    policy = replace(manifest.policy, credentials="pem", ports=("8443/tcp",))
    attested = with_app(layout, tmp_path / "layout", manifest.app, policy)
    start = "nginx -t -c /tmp/tls.conf && echo ready && exec nginx -c /tmp/tls.conf"
    serve = f"echo '{TLS}' >/tmp/tls.conf && {start}"
    port, home = free_port(), ["env", f"HOME={tmp_path}"]
    with running(attested, ["--olos-publish", f"{port}:8443", "-c", serve], before=home):
        execute(["curl", "-sSk", "--retry", "20", "--retry-all-errors", f"https://127.0.0.1:{port}/GPL-3"])
        peer = Peer(demands=demands_of(attested), roots=(root_of(attested, tmp_path),))
        connection = HTTPSConnection("127.0.0.1", port, context=context(peer), timeout=PATIENCE)
        connection.request("GET", "/GPL-3")
        with connection.getresponse() as answer:
            assert answer.read().decode() == olos("cat", layout, "/usr/share/common-licenses/GPL-3").stdout
        connection.close()
