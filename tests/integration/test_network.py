"""Published ports and connections to the outside, with clients and servers of this machine."""

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from olos.manifest import Policy
from support.attempts import outcome, source, spelt
from support.layouts import noise
from support.network import SERVES, WEB, free_port, name_server, web_server
from support.runtime import (
    APP,
    POLICY,
    Spec,
    children,
    command,
    compile_static,
    make_layout,
    run,
    running,
    shell,
    with_app,
)
from support.user import normal_user

REACHES = replace(SERVES, outgoing=True)
BIG = 64 << 20

UDP_ECHO = r"""
#include <arpa/inet.h>
#include <stdio.h>
int main(void)
{
    char data[65507];
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(53)}, peer;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(s, (struct sockaddr *)&own, sizeof own)) return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        socklen_t length = sizeof peer;
        ssize_t count = recvfrom(s, data, sizeof data, 0, (struct sockaddr *)&peer, &length);
        sendto(s, data, (size_t)count, 0, (struct sockaddr *)&peer, length);
    }
}
"""

# Takes bytes on port 81 and gives them back on port 82.
KEEP = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>
static char body[80 << 20];
static int listener(int port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    return bind(s, (struct sockaddr *)&own, sizeof own) || listen(s, 1) ? -1 : s;
}
int main(void)
{
    int in = listener(81), out = listener(82);
    ssize_t size = 0, sent = 0, count;
    puts("ready");
    fflush(stdout);
    in = accept(in, 0, 0);
    while ((count = read(in, body + size, sizeof body - size)) > 0) size += count;
    out = accept(out, 0, 0);
    while (sent < size && (count = write(out, body + sent, size - sent)) > 0) sent += count;
    shutdown(out, SHUT_WR);
    return read(out, body, 1) != 0;
}
"""

# Sends a datagram and prints what comes back: udp-ask ADDRESS PORT.
UDP_ASK = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    char data[64];
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    peer.sin_addr.s_addr = inet_addr(argv[1]);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(s, (struct sockaddr *)&peer, sizeof peer) || send(s, "ask", 3, 0) != 3) return 1;
    ssize_t count = recv(s, data, sizeof data, 0);
    return fwrite(data, 1, count, stdout) != count;
}
"""

# A datagram past the guest's routing, in a frame of its own: raw ADDRESS OWN-PORT PORT.
RAW = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static unsigned short sum(const void *data, int size)
{
    unsigned total = 0;
    for (const unsigned short *at = data; size > 0; size -= 2) total += *at++;
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return (unsigned short)~total;
}
int main(int argc, char **argv)
{
    struct {
        struct ether_header e; struct iphdr ip; struct udphdr udp; char text[4];
    } __attribute__((packed)) f = {0};
    memcpy(f.e.ether_dhost, "\x52\x55\x0a\0\x02\x02", 6);
    memcpy(f.e.ether_shost, "\x52\x55\x0a\0\x02\x0f", 6);
    f.e.ether_type = htons(ETHERTYPE_IP);
    f.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .tot_len = htons(32),
                          .saddr = inet_addr("10.0.2.15"), .daddr = inet_addr(argv[1])};
    f.ip.check = sum(&f.ip, 20);
    f.udp = (struct udphdr){.source = htons(atoi(argv[2])), .dest = htons(atoi(argv[3])), .len = htons(12)};
    memcpy(f.text, "raw!", 4);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
    to.sll_ifindex = (int)if_nametoindex("vec0");
    int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    return sendto(s, &f, sizeof f, 0, (struct sockaddr *)&to, sizeof to) != sizeof f;
}
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = Spec(
        programs={"/bin/keep": KEEP, "/bin/udp-echo": UDP_ECHO, "/bin/raw": RAW, "/bin/udp-ask": UDP_ASK}
    )
    return make_layout(tmp_path_factory.mktemp("network") / "base", spec)


@pytest.fixture
def folder(base: Path) -> Iterator[Path]:
    """Where variants of the layout can be, on the same file system."""
    path = base.parent / "variant"
    path.mkdir()
    yield path
    shutil.rmtree(path)


def app(base: Path, folder: Path, script: str, policy: Policy = SERVES) -> Path:
    return with_app(base, folder, shell(script), policy)


def fetch(port: int, path: str = "") -> bytes:
    with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
        body: bytes = answer.read()
        return body


def receive(connection: socket.socket) -> bytes:
    """All until its end."""
    return b"".join(iter(lambda: connection.recv(1 << 20), b""))


# Published ports ---------------------------------------------------------------------------------------


def test_many_clients_at_once(base: Path, folder: Path) -> None:
    port = free_port()
    with running(app(base, folder, WEB), ["--olos-publish", f"{port}:80"]), ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: fetch(port), range(64))) == {b"hello\n"}


def test_large_bodies_both_ways(base: Path, folder: Path) -> None:
    up, down = free_port(), free_port()
    body = noise(BIG, "body")
    layout = with_app(base, folder, replace(APP, args=("/bin/keep",)), SERVES)
    with running(layout, ["--olos-publish", f"{up}:81", "--olos-publish", f"127.0.0.1:{down}:82/tcp"]):
        with socket.create_connection(("127.0.0.1", up), timeout=30) as connection:
            connection.sendall(body)
        with socket.create_connection(("127.0.0.1", down), timeout=30) as connection:
            assert hashlib.sha256(receive(connection)).digest() == hashlib.sha256(body).digest()


def test_an_app_that_speaks_first(base: Path, folder: Path) -> None:
    port = free_port()
    layout = app(base, folder, "echo ready; echo 220 hello | nc -l -p 80; sleep 100")
    with running(layout, ["--olos-publish", f"{port}:80"]):
        time.sleep(0.3)  # until nc listens
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            assert connection.recv(100) == b"220 hello\n"


def test_datagrams_are_answered(base: Path, folder: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    layout = with_app(base, folder, replace(APP, args=("/bin/udp-echo",)), SERVES)
    with (
        running(layout, ["--olos-publish", f"{port}:53/udp"]),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        for size in (1, 1000, 20000):
            client.send(b"x" * size)
            assert client.recv(65507) == b"x" * size


def test_only_the_published_address(base: Path, folder: Path) -> None:
    port = free_port()
    with running(app(base, folder, WEB), ["--olos-publish", f"127.0.0.2:{port}:80"]):
        with urlopen(f"http://127.0.0.2:{port}/", timeout=20) as answer:
            assert answer.read() == b"hello\n"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_nobody_listens_inside(base: Path, folder: Path) -> None:
    port = free_port()
    with (
        running(app(base, folder, "echo ready; sleep 100"), ["--olos-publish", f"{port}:80"]),
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        suppress(ConnectionResetError),
    ):
        assert connection.recv(1) == b""


def test_as_a_normal_user(base: Path) -> None:
    port = free_port()
    with normal_user() as user:
        layout = Path(user.pw_dir) / "layout"
        shutil.copytree(base, layout)
        with_app(layout, layout.with_name("web"), shell(WEB), SERVES)
        subprocess.run(["chown", "-R", user.pw_name, user.pw_dir], check=True)
        before = [
            "setpriv",
            f"--reuid={user.pw_uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "env",
            "-i",
        ]
        with running(layout.with_name("web"), ["--olos-publish", f"{port}:80"], before=before):
            assert fetch(port) == b"hello\n"


# Connections to the outside ----------------------------------------------------------------------------


def test_reaches_loopback_services_of_the_host_if_both_want_it(base: Path, folder: Path) -> None:
    layout = app(base, folder, "", REACHES)
    body = noise(4 << 20, "answer")
    with web_server(body) as port:
        result = run(
            layout, "--olos-host-loopback", "-c", 'wget -q -O - "http://10.0.2.2:$0/" | sha256sum', str(port)
        )
    assert result.stdout.split()[0].decode() == hashlib.sha256(body).hexdigest(), result.stderr


def test_datagrams_to_the_outside_are_answered(base: Path, folder: Path) -> None:
    layout = app(base, folder, "", REACHES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, ThreadPoolExecutor(1) as pool:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        port = server.getsockname()[1]
        asked = pool.submit(lambda: server.sendto(b"to " + (asks := server.recvfrom(9))[0], asks[1]))
        result = run(layout, "--olos-host-loopback", "-c", f"timeout 10 udp-ask 10.0.2.2 {port}")
        assert asked.result() == 6
    assert (result.returncode, result.stdout) == (0, b"to ask"), result


@pytest.mark.parametrize(
    ("policy", "address"),
    [(REACHES, "10.0.2.2"), (REACHES, "127.0.0.1")],
    ids=["gateway", "loopback"],
)
def test_not_otherwise(base: Path, folder: Path, policy: Policy, address: str) -> None:
    layout = app(base, folder, "", policy)
    with web_server(b"secret") as port:
        result = run(layout, "-c", 'timeout 3 wget -q -O - "$1"', "sh", f"http://{address}:{port}/")
    assert (result.returncode != 0, result.stdout) == (True, b"")


def test_names_by_the_hosts_resolver(base: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.53.0.1\n")
    layout = app(base, folder, "", REACHES)
    line = command(layout, "-c", "nslookup -type=a any.example")
    bind = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    with name_server("127.53.0.1", "192.0.2.77"):
        result = subprocess.run(
            ["unshare", "-m", "sh", "-c", bind, tmp_path / "resolv.conf", *line],
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert b"192.0.2.77" in result.stdout, result


# What the policy does not allow ------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [POLICY, SERVES], ids=["nothing-asked", "nothing-published"])
def test_without_a_use_there_is_no_device(base: Path, folder: Path, policy: Policy) -> None:
    result = run(app(base, folder, "", policy), "-c", "ls /sys/class/net; cat /etc/resolv.conf")
    assert result.stdout == b"lo\n# policy.outgoing is not set\n"


@pytest.mark.parametrize(
    "attempt",
    ["nc -w 9 198.51.100.1 80", "nc -w 9 10.0.2.2 22"],
    ids=["elsewhere", "gateway"],
)
def test_refused_at_once(base: Path, folder: Path, attempt: str) -> None:
    begin = time.monotonic()
    result = run(app(base, folder, ""), "--olos-publish", f"{free_port()}:80", "-c", f"{attempt} </dev/null")
    assert result.returncode != 0
    assert time.monotonic() - begin < 8


def test_frames_of_its_own_get_nowhere(base: Path, folder: Path) -> None:
    """Not even from a published port: nobody has sent anything to it."""
    layout = app(base, folder, "", SERVES)
    published = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))
        server.settimeout(1)
        port = server.getsockname()[1]
        own = socket.gethostbyname(socket.gethostname())
        frames = "for a in 127.0.0.1 10.0.2.2 $0; do for p in 53 54; do raw $a $p $1; done; done; sleep 0.5"
        options = ["--olos-publish", f"{published}:53/udp", "-c", frames, own, str(port)]
        assert run(layout, *options).returncode == 0
        with pytest.raises(TimeoutError):
            server.recv(1)


def test_frames_to_loopback_get_nowhere(base: Path, folder: Path) -> None:
    """With connections to the outside the same frames leave, but for those to loopback addresses."""
    layout = app(base, folder, "", REACHES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(1)
        port = server.getsockname()[1]
        assert (
            run(layout, "-c", f"raw 127.0.0.1 5009 {port}; raw 10.0.2.2 5009 {port}; sleep 0.5").returncode
            == 0
        )
        with pytest.raises(TimeoutError):
            server.recv(9)
        script = f"raw 127.0.0.1 5009 {port}; raw 10.0.2.2 5008 {port}; sleep 0.5"
        assert run(layout, "--olos-host-loopback", "-c", script).returncode == 0
        assert server.recv(9) == b"raw!"
        with pytest.raises(TimeoutError):
            server.recv(9)


def test_a_taken_over_kernel_has_its_frames_only(base: Path, folder: Path, tmp_path: Path) -> None:
    calls = (
        *(
            "socket 2 1",
            "socket 1 1",
            "connect 0 @ 16",
            "bind 0 @ 16",
            "setsockopt 0",
            "sendto 0 @ 1",
            "sendmsg 0 @",
        ),
        *(
            "recvmsg 0 @",
            "recvmmsg 0 @ 1",
            "sendmmsg 0 @ 1",
            "readv 0 @ 1",
            "writev 1 @ 1",
            "openat -100 '/etc/passwd",
        ),
    )
    compile_static(source("inject.c"), tmp_path / "inject")
    with running(app(base, folder, WEB), ["--olos-publish", f"{free_port()}:80"]) as process:
        time.sleep(0.2)  # until nothing happens inside
        output = subprocess.run(
            [tmp_path / "inject", str(kernel_of(process.pid))],
            input="\n".join(map(spelt, calls)),
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    assert list(map(outcome, output.splitlines())) == ["EPERM"] * len(calls)


def kernel_of(target: int) -> int:
    (guard,) = children(target)
    return children(guard)[0]
