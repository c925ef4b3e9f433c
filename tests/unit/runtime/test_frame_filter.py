"""Which frames of the app's reach the host: the relay's filter, asked frame by frame."""

import ctypes
import random
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

from support.olos import ROOT

DROP, PASS, REFUSE = range(3)
APP, GATEWAY, ELSEWHERE = "10.0.2.15", "10.0.2.2", "198.51.100.7"
MACS = bytes.fromhex("52550a000202 52550a00020f")
TCP, UDP, ICMP = 6, 17, 1
SYN, RST, ACK = 2, 4, 16
PEERS = 4096
SOURCES = [ROOT / "runtime/target" / f"{name}.c" for name in ("frame_filter", "handshake", "packet")]


class Filter:
    """A filter with the published ports 80/tcp and 53/udp."""

    def __init__(self, library: ctypes.CDLL, *, outgoing: bool = False, host_loopback: bool = False) -> None:
        self._library = library
        self._state = ctypes.create_string_buffer(2 + 2 * 8192 + 8 * PEERS + 16)
        self._state[0] = bytes([outgoing])
        self._state[1] = bytes([host_loopback])
        library.filter_publish(self._state, 80, False)
        library.filter_publish(self._state, 53, True)

    def outward(self, frame: bytes) -> int:
        return int(self._library.filter_outward(self._state, frame, ctypes.c_size_t(len(frame))))

    def inward(self, frame: bytes) -> None:
        self._library.filter_inward(self._state, frame, ctypes.c_size_t(len(frame)))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("filter") / "filter.so"
    flags = ["-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-fsanitize=undefined", "-fno-sanitize-recover"]
    subprocess.run(["gcc", *flags, "-o", path, *SOURCES], check=True)
    return ctypes.CDLL(str(path))


@pytest.fixture
def closed(library: ctypes.CDLL) -> Filter:
    return Filter(library)


@pytest.fixture
def outgoing(library: ctypes.CDLL) -> Filter:
    return Filter(library, outgoing=True)


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(
    protocol: int,
    content: bytes,
    *,
    source: str = APP,
    target: str = ELSEWHERE,
    first: int = 0x45,
    fragment: int = 0,
    excess: int = 0,
    kind: int = 0x0800,
) -> bytes:
    header = struct.pack("!BBHHHBBH", first, 0, 20 + len(content) + excess, 1, fragment, 64, protocol, 0)
    return (
        MACS
        + struct.pack("!H", kind)
        + header
        + socket.inet_aton(source)
        + socket.inet_aton(target)
        + content
    )


def tcp(source: int, flags: int, target: int = 4000) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, 1, 7, 0x50, flags, 1000, 0, 0)


def udp(source: int, target: int = 4000, text: bytes = b"text") -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(text), 0) + text


ARP = MACS + b"\x08\x06" + bytes(28)
IPV6 = MACS + b"\x86\xdd\x60" + bytes(60)


@pytest.mark.parametrize(
    ("frame", "verdict"),
    [
        pytest.param(ARP, PASS, id="arp"),
        pytest.param(IPV6, DROP, id="ipv6"),
        pytest.param(ip(TCP, tcp(80, SYN | ACK)), PASS, id="tcp-accepts"),
        pytest.param(ip(TCP, tcp(80, ACK)), PASS, id="tcp-goes-on"),
        pytest.param(ip(TCP, tcp(80, RST | ACK)), PASS, id="tcp-declines"),
        pytest.param(ip(TCP, tcp(80, SYN)), REFUSE, id="tcp-opens-from-a-published-port"),
        pytest.param(ip(TCP, tcp(4000, SYN, 80)), REFUSE, id="tcp-opens"),
        pytest.param(ip(TCP, tcp(53, ACK)), DROP, id="tcp-from-a-port-of-udp"),
        pytest.param(ip(TCP, tcp(81, SYN | ACK)), DROP, id="tcp-from-another-port"),
        pytest.param(ip(TCP, tcp(80, SYN), target=GATEWAY), REFUSE, id="tcp-opens-to-the-gateway"),
        pytest.param(ip(TCP, tcp(80, ACK)[:19]), DROP, id="tcp-cut-off"),
        pytest.param(ip(UDP, udp(53)), REFUSE, id="udp-to-a-stranger"),
        pytest.param(ip(UDP, udp(80)), REFUSE, id="udp-from-a-port-of-tcp"),
        pytest.param(ip(UDP, udp(53)[:7]), DROP, id="udp-cut-off"),
        pytest.param(ip(ICMP, b"\x08\0" + bytes(6)), DROP, id="ping"),
        pytest.param(ip(132, bytes(40)), DROP, id="sctp"),
    ],
)
def test_without_outgoing(closed: Filter, frame: bytes, verdict: int) -> None:
    assert closed.outward(frame) == verdict


@pytest.mark.parametrize(
    ("frame", "verdict"),
    [
        pytest.param(ip(TCP, tcp(4000, SYN)), PASS, id="tcp"),
        pytest.param(ip(UDP, udp(4000)), PASS, id="udp"),
        pytest.param(ip(ICMP, b"\x08\0" + bytes(6)), PASS, id="ping"),
        pytest.param(ip(TCP, tcp(4000, SYN), target="10.0.2.3"), PASS, id="resolver"),
        pytest.param(ip(TCP, tcp(4000, SYN), target=GATEWAY), REFUSE, id="tcp-to-the-gateway"),
        pytest.param(ip(UDP, udp(4000), target=GATEWAY), REFUSE, id="udp-to-the-gateway"),
        pytest.param(ip(TCP, tcp(80, SYN | ACK), target=GATEWAY), PASS, id="answer-to-the-gateway"),
        *(
            pytest.param(ip(TCP, tcp(4000, SYN), target=target), DROP, id=target)
            for target in (
                "127.0.0.1",
                "127.255.255.255",
                "0.0.0.0",
                "0.1.2.3",
                "224.0.0.1",
                "255.255.255.255",
            )
        ),
        pytest.param(ip(TCP, tcp(4000, SYN), source="10.0.2.16"), DROP, id="from-another-address"),
        pytest.param(ip(TCP, tcp(4000, SYN), source="127.0.0.1"), DROP, id="from-loopback"),
        pytest.param(ip(TCP, tcp(4000, SYN), first=0x46), DROP, id="options"),
        pytest.param(ip(TCP, tcp(4000, SYN), first=0x65), DROP, id="version"),
        pytest.param(ip(TCP, tcp(4000, SYN), fragment=0x2000), DROP, id="first-fragment"),
        pytest.param(ip(TCP, tcp(4000, SYN), fragment=1), DROP, id="later-fragment"),
        pytest.param(ip(TCP, tcp(4000, SYN), fragment=0x4000), PASS, id="do-not-fragment"),
        pytest.param(ip(TCP, tcp(4000, SYN), excess=1), DROP, id="length-beyond-the-frame"),
        pytest.param(ip(TCP, b"", excess=-1), DROP, id="length-within-the-header"),
        pytest.param(ip(TCP, tcp(4000, SYN), excess=-4), PASS, id="padded"),
        pytest.param(ip(TCP, tcp(4000, SYN), kind=0x8100), DROP, id="vlan"),
        pytest.param(IPV6, DROP, id="ipv6"),
        pytest.param(b"", DROP, id="empty"),
        pytest.param(MACS + b"\x08", DROP, id="cut-off"),
    ],
)
def test_with_outgoing(outgoing: Filter, frame: bytes, verdict: int) -> None:
    assert outgoing.outward(frame) == verdict


def test_host_loopback(library: ctypes.CDLL) -> None:
    opened = Filter(library, outgoing=True, host_loopback=True)
    assert opened.outward(ip(TCP, tcp(4000, SYN), target=GATEWAY)) == PASS
    assert opened.outward(ip(UDP, udp(4000), target=GATEWAY)) == PASS
    assert opened.outward(ip(TCP, tcp(4000, SYN), target="127.0.0.1")) == DROP


def test_datagrams_go_to_whom_has_sent_some(closed: Filter) -> None:
    closed.inward(ip(UDP, udp(4000, 53), source=ELSEWHERE, target=APP))
    assert closed.outward(ip(UDP, udp(53, 4000))) == PASS
    assert closed.outward(ip(UDP, udp(53, 4001))) == REFUSE
    assert closed.outward(ip(UDP, udp(54, 4000))) == REFUSE
    assert closed.outward(ip(UDP, udp(53, 4000), target="198.51.100.8")) == REFUSE


def test_many_senders(closed: Filter) -> None:
    """They take each other's places; nobody else gets one."""
    senders = [f"192.0.{n // 250}.{n % 250 + 1}" for n in range(1000)]
    for sender in senders:
        closed.inward(ip(UDP, udp(4000, 53), source=sender, target=APP))
    answered = [sender for sender in senders if closed.outward(ip(UDP, udp(53, 4000), target=sender)) == PASS]
    assert len(answered) > 800
    assert closed.outward(ip(UDP, udp(53, 4000), target=senders[-1])) == PASS
    assert all(closed.outward(ip(UDP, udp(53, 4000), target=f"192.1.0.{n}")) == REFUSE for n in range(1, 250))


@pytest.mark.parametrize("frame", [ip(TCP, tcp(4000, SYN)), ip(UDP, udp(53))], ids=["tcp", "udp"])
def test_refusal(library: ctypes.CDLL, frame: bytes) -> None:
    answer = ctypes.create_string_buffer(70)
    assert library.filter_refusal(frame, answer) == 70
    ethernet, header, icmp = answer.raw[:14], answer.raw[14:34], answer.raw[34:]
    assert ethernet == MACS[6:] + MACS[:6] + b"\x08\0"
    assert (header[0], header[2:4], header[9]) == (0x45, b"\0\x38", ICMP)
    assert (socket.inet_ntoa(header[12:16]), socket.inet_ntoa(header[16:20])) == (GATEWAY, APP)
    assert (checksum(header), checksum(icmp)) == (0, 0)
    assert icmp[:2] == bytes([3, 13])  # destination unreachable, administratively prohibited
    assert icmp[8:] == frame[14:42]


def test_handshake(library: ctypes.CDLL) -> None:
    frame = ip(TCP, tcp(80, SYN | ACK))
    answer = ctypes.create_string_buffer(54)
    assert library.handshake_finish(frame, ctypes.c_size_t(len(frame)), answer) == 54
    header, segment = answer.raw[14:34], answer.raw[34:]
    assert (socket.inet_ntoa(header[12:16]), socket.inet_ntoa(header[16:20])) == (ELSEWHERE, APP)
    assert struct.unpack("!HHIIBBH", segment[:16]) == (4000, 80, 7, 2, 0x50, ACK, 255)
    pseudo = header[12:20] + struct.pack("!HH", TCP, 20)
    assert (checksum(header), checksum(pseudo + segment)) == (0, 0)


@pytest.mark.parametrize(
    "frame",
    [
        ip(TCP, tcp(80, SYN)),
        ip(TCP, tcp(80, ACK)),
        ip(TCP, tcp(80, SYN | ACK)[:19]),
        ip(UDP, udp(53)),
        ARP,
        b"",
    ],
    ids=["opens", "goes-on", "cut-off", "udp", "arp", "empty"],
)
def test_no_handshake(library: ctypes.CDLL, frame: bytes) -> None:
    assert library.handshake_finish(frame, ctypes.c_size_t(len(frame)), None) == 0


def changed(seed: random.Random) -> Iterator[bytes]:
    frames = [ip(TCP, tcp(4000, SYN)), ip(TCP, tcp(80, ACK)), ip(UDP, udp(53)), ARP, IPV6]
    for _ in range(20000):
        frame = bytearray(seed.choice(frames))
        for _ in range(seed.randrange(4)):
            frame[seed.randrange(12, len(frame))] = seed.choice(
                (0, 1, 0x45, 0x7F, 0x80, 0xFF, seed.randrange(256))
            )
        yield bytes(frame[: seed.choice((len(frame), seed.randrange(len(frame) + 1)))])


def test_any_bytes(closed: Filter, outgoing: Filter) -> None:
    """What passes is ARP, or comes from the app's address and goes to no loopback address."""
    for frame in changed(random.Random(1)):
        closed.inward(frame)
        strict, free = closed.outward(frame), outgoing.outward(frame)
        assert (strict != PASS) or (free == PASS), frame.hex()
        if free == PASS and frame[12:14] != b"\x08\x06":
            assert frame[12:14] == b"\x08\0"
            assert socket.inet_ntoa(frame[26:30]) == APP
            assert frame[30] not in (0, 127)
