"""What servers and interpreters ask of a kernel, one line each: name, and what came of it."""

import ctypes
import errno
import mmap
import os
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
BUFFER = ctypes.create_string_buffer(256)
RESERVE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
GIGABYTE = 1 << 30


def call(number: int, *args: object) -> str:
    """A system call that the C library has no function for."""
    return "yes" if LIBC.syscall(number, *args) >= 0 else errno.errorcode[ctypes.get_errno()]


def reserve(size: int) -> str:
    place = LIBC.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, RESERVE, -1, 0)
    return "no" if place == ctypes.c_void_p(-1).value else "yes"


def passed_descriptor() -> str:
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    socket.send_fds(left, [b"x"], [reader])
    received = socket.recv_fds(right, 1, 1)[1][0]
    os.write(writer, b"through")
    return os.read(received, 10).decode()


def peer() -> str:
    left, _ = socket.socketpair()
    pid, uid, _ = struct.unpack("3i", left.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return str((pid == os.getpid(), uid == os.getuid()))


def ticks(timer: int, number: int) -> str:
    """How an interval timer of 20 ms does in half a second of work."""
    seen = []
    signal.signal(number, lambda *_: seen.append(1))
    signal.setitimer(timer, 0.02, 0.02)
    end = time.thread_time() + 0.5
    while time.thread_time() < end:
        pass
    signal.setitimer(timer, 0)
    return "yes" if len(seen) >= 15 else f"{len(seen)} times"


def multicast() -> str:
    receiver, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    receiver.bind(("", 5007))
    receiver.settimeout(5)
    group, loopback = socket.inet_aton("224.1.1.1"), socket.inet_aton("127.0.0.1")
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + loopback)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
    sender.sendto(b"received", ("224.1.1.1", 5007))
    return receiver.recv(10).decode()


def localhost() -> str:
    return str(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4][0])


def nowhere() -> str:
    try:
        return str(socket.getaddrinfo("nowhere.example", 80))
    except socket.gaierror:
        return "not found"


def one_device() -> str:
    """All of the root file system is one, and its directories say the inode numbers that its files have."""
    own = os.lstat("/usr").st_dev
    with open("/usr/new", "w") as stream:
        stream.write("new")
    for folder, _, _ in os.walk("/usr"):
        for entry in os.scandir(folder):
            status = os.lstat(entry.path)
            if (status.st_dev, status.st_ino) != (own, entry.inode()):
                return entry.path
    return "yes"


def opened(path: str, flags: int) -> str:
    try:
        os.close(os.open(path, flags, 0o600))
    except OSError as exc:
        return errno.errorcode[exc.errno or 0]
    return "yes"


FACILITIES: dict[str, Callable[[], str]] = {
    "io_uring": lambda: call(425, 8, BUFFER),
    "membarrier": lambda: call(324, 0, 0, 0),
    "rseq": lambda: call(334, BUFFER, 32, 0, 0x53053053),
    "perf": lambda: call(298, BUFFER, 0, -1, -1, 0),
    "landlock": lambda: call(444, 0, 0, 1),
    "userfaultfd": lambda: call(323, 0),
    "user namespace": lambda: call(272, 0x10000000),
    "pidfd": lambda: call(434, os.getpid(), 0),
    "timerfd": lambda: call(283, 1, 0),
    "signalfd": lambda: call(289, -1, BUFFER, 8, 0),
    "inotify": lambda: call(294, 0),
    "message queue": lambda: call(240, b"q", os.O_RDWR | os.O_CREAT, 0o600, None),
    "shared memory": lambda: call(29, 0, 1 << 20, 0o1600),
    "semaphores": lambda: call(64, 0, 2, 0o1600),
    "memfd": lambda: call(319, b"x", 0),
    "getcpu": lambda: call(309, BUFFER, None, None),
    "affinity": lambda: str(os.sched_getaffinity(0)),
    "ticks of real time": lambda: ticks(signal.ITIMER_REAL, signal.SIGALRM),
    "ticks of processor time": lambda: ticks(signal.ITIMER_PROF, signal.SIGPROF),
    "descriptor over a socket": passed_descriptor,
    "peer of a socket": peer,
    "multicast on loopback": multicast,
    "localhost": localhost,
    "unknown host": nowhere,
    "raw socket": lambda: str(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).type.name),
    "16 GiB of addresses": lambda: reserve(16 * GIGABYTE),
    "256 GiB of addresses": lambda: reserve(256 * GIGABYTE),
    "1 TiB of addresses": lambda: reserve(1024 * GIGABYTE),
    "one device": one_device,
    "file without a name": lambda: opened("/tmp", os.O_RDWR | os.O_TMPFILE),
    "direct input and output": lambda: opened("/tmp/direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT),
    "file without a name in /dev/shm": lambda: opened("/dev/shm", os.O_RDWR | os.O_TMPFILE),
    "temporary file": lambda: tempfile.TemporaryFile().__class__.__name__,
    "/dev/fd": lambda: os.readlink("/dev/fd").partition("/")[2],
    "overcommit": lambda: open("/proc/sys/vm/overcommit_memory").read().strip(),
    "hostname": lambda: socket.gethostbyname(socket.gethostname()),
}

for name, ask in FACILITIES.items():
    print(f"{name}: {ask()}")
