"""The kernel's side of <olos/tee.h>, in Python: runs programs and answers their calls as a package would.

The calls come by seccomp user notification, to a process of its own for each package (`fake_tee.py JSON`,
JSON being what `Tee` holds). So the programs are those that run in a package, byte for byte.
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import functools
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS))

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: E402

from measure.evidence.demands import Demands  # noqa: E402
from measure.evidence.formats import verify  # noqa: E402
from measure.evidence.model import File  # noqa: E402
from olos.errors import InputError, MismatchError  # noqa: E402
from support.certificates import TIME  # noqa: E402
from support.evidence_simulated import SimulatedWorld, simulated_world  # noqa: E402
from support.olos import PACKAGES  # noqa: E402

GENERATE, VERIFY, REPORT, KEY = range(0x6F6C0001, 0x6F6C0005)
CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1()}

_SYS_SECCOMP = 317
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_NO_NEW_PRIVS = 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("<QIIiIQ6Q")
_ANSWER = struct.Struct("<QqiI")
_IDENTITY = struct.Struct("<IIIHH32s32s64sqqq48s40x")


@dataclass(frozen=True)
class Tee:
    """A package on a machine."""

    root: int = 1
    """The private scalar of the machine's root key."""
    measurement: str = "11" * 32
    signer: str | None = "22" * 32
    product_id: int = 7
    security_version: int = 3
    debug: bool = False

    def sealing_key(self, policy: int, svn: int) -> bytes:
        """Raises OSError as the call does."""
        head = bytes([policy, self.debug])
        if policy == 1 and svn == 0:
            info = head + bytes.fromhex(self.measurement)
        elif policy == 2:
            if self.signer is None:
                raise OSError(errno.ENOKEY, "unsigned")
            if svn > self.security_version:
                raise OSError(errno.EPERM, "above the own")
            info = head + bytes.fromhex(self.signer) + struct.pack("<HH", self.product_id, svn)
        else:
            raise OSError(errno.EINVAL, "no such policy")
        return HKDF(hashes.SHA256(), 32, b"olos-seal-1", info).derive(self.root.to_bytes(48, "big"))

    def claims(self) -> dict[int, object]:
        return {
            263: 0 if self.debug else 1,
            -70002: bytes.fromhex(self.measurement),
            -70003: bytes.fromhex(self.signer) if self.signer else None,
            -70004: self.product_id,
            -70005: self.security_version,
        }

    @property
    def roots(self) -> tuple[File, ...]:
        """What evidence of this package is verified with."""
        return (File("root.pem", _started(self)[1].encode()),)

    def run(self, command: Sequence[str | Path], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a program in this package."""
        server, _ = _started(self)
        assert server.stdin
        assert server.stdout
        request = {"argv": [str(word) for word in command], "stdin": stdin.hex()}
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        return subprocess.CompletedProcess(
            command, answer["code"], bytes.fromhex(answer["stdout"]), bytes.fromhex(answer["stderr"])
        )


@functools.cache
def _started(tee: Tee) -> tuple[subprocess.Popen[str], str]:
    server = subprocess.Popen(
        [sys.executable, __file__, json.dumps(asdict(tee))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": PACKAGES, "PYTHONSAFEPATH": "1"},
    )
    atexit.register(_end, server)
    assert server.stdout
    root: str = json.loads(server.stdout.readline())
    return server, root


def _end(server: subprocess.Popen[str]) -> None:
    with server:  # closes its standard input, and so it ends
        pass


class _Caller:
    """The memory of the program that calls."""

    def __init__(self, pid: int) -> None:
        self._memory = Path(f"/proc/{pid}/mem")

    def read(self, address: int, size: int) -> bytes:
        with self._translated(), self._memory.open("rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(size)

    def write(self, address: int, data: bytes) -> None:
        with self._translated(), self._memory.open("r+b", buffering=0) as memory:
            memory.seek(address)
            memory.write(data)

    @staticmethod
    def _translated() -> _Fault:
        return _Fault()


class _Fault:
    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | OverflowError | ValueError):
            raise OSError(errno.EFAULT, "bad address") from error


class Server:
    """Answers calls for one package."""

    def __init__(self, tee: Tee) -> None:
        self._tee = tee
        self._world: SimulatedWorld = simulated_world()

    def answer(self, number: int, pid: int, address: int, size: int) -> int:
        """0 or an errno, as the call returns it."""
        caller = _Caller(pid)
        calls: dict[int, tuple[Callable[..., None], str]] = {
            GENERATE: (self._generate, "<II4Q"),
            VERIFY: (self._verify, "<II6Q"),
            REPORT: (self._report, "<4Q"),
            KEY: (self._key, "<IIQ"),
        }
        call, layout = calls[number]
        try:
            if size != struct.calcsize(layout):
                return errno.EINVAL if size < struct.calcsize(layout) else errno.E2BIG
            call(caller, address, *struct.unpack(layout, caller.read(address, size)))
        except OSError as exc:
            assert exc.errno is not None
            return exc.errno
        return 0

    def _generate(self, caller: _Caller, address: int, *call: int) -> None:
        number, flags, certificate, certificate_size, key, key_size = call
        if number not in CURVES or flags & ~1:
            raise OSError(errno.EINVAL, "curve")
        made = ec.generate_private_key(CURVES[number])
        party = self._world.attested(made, self._tee.claims())
        pem = bool(flags)
        encoding = serialization.Encoding.PEM if pem else serialization.Encoding.DER
        private = made.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = party.pem if pem else party.der
        caller.write(address + 16, struct.pack("<Q", len(public)))
        caller.write(address + 32, struct.pack("<Q", len(private)))
        if certificate_size < len(public) or key_size < len(private):
            raise OSError(errno.ERANGE, "room")
        caller.write(certificate, public)
        caller.write(key, private)

    def _verify(self, caller: _Caller, address: int, *call: int) -> None:
        what, flags, data, data_size, _, roots_size, identity, identity_size = call
        if what > 1 or flags & ~3 or identity_size != _IDENTITY.size or roots_size:
            raise OSError(errno.EINVAL, "what")
        if data_size > 65536:
            raise OSError(errno.E2BIG, "data")
        file = File("data", caller.read(data, data_size))
        everything = Demands(allow_simulated=True, allow_debug=True)
        try:
            found = verify(file, everything, roots=self._world.roots, time=TIME)
        except InputError as exc:
            raise OSError(errno.EBADMSG, "malformed") from exc
        except MismatchError as exc:
            raise OSError(errno.EKEYREJECTED, "not genuine") from exc
        if not flags & 1 or (found.debug and not flags & 2):
            raise OSError(errno.EPERM, "not allowed")
        packed = _IDENTITY.pack(
            *(_IDENTITY.size, 1, 1 | found.debug << 1 | (found.signer is not None) << 2),
            *(found.product_id, found.security_version, found.measurement.data),
            *(found.signer.data if found.signer else b"", found.report_data.data, int(TIME.timestamp())),
            *(_seconds(found.valid_from), _seconds(found.valid_until), found.key.data if found.key else b""),
        )
        caller.write(identity, packed)

    def _report(self, caller: _Caller, address: int, *call: int) -> None:
        report_data, evidence, evidence_size, reserved = call
        if reserved:
            raise OSError(errno.EINVAL, "reserved")
        made = self._world.evidence({**self._tee.claims(), 10: caller.read(report_data, 64)}).data
        caller.write(address + 16, struct.pack("<Q", len(made)))
        if evidence_size < len(made):
            raise OSError(errno.ERANGE, "room")
        caller.write(evidence, made)

    def _key(self, caller: _Caller, address: int, policy: int, svn: int, key: int) -> None:
        caller.write(key, self._tee.sealing_key(policy, svn))


def _seconds(time: datetime | None) -> int:
    assert time is not None
    return int(time.timestamp())


class _Filter(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint16), ("instructions", ctypes.c_char_p))


_LIBC = ctypes.CDLL(None, use_errno=True)


def _listen() -> int:
    """Have the four calls of this process and its children notified. Returns the listener."""
    instructions = b"".join(
        struct.pack("<HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # the number
            (0x35, 0, 2, GENERATE),
            (0x25, 1, 0, KEY),
            (0x06, 0, 0, 0x7FC00000),  # USER_NOTIF
            (0x06, 0, 0, 0x7FFF0000),  # ALLOW
        )
    )
    program = _Filter(5, instructions)
    if _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    listener: int = _LIBC.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _serve(server: Server, listener: int, program: int) -> None:
    """Answer until the program has ended."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(program, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if listener in ready:
            _serve_one(server, listener)
        elif program in ready:
            os.close(program)
            return


def _serve_one(server: Server, listener: int) -> None:
    room = ctypes.create_string_buffer(_NOTIFICATION.size)
    if _LIBC.ioctl(listener, ctypes.c_ulong(_RECEIVE), room):
        return  # the caller is gone
    number, pid, _, call, _, _, address, size, *_ = _NOTIFICATION.unpack(room.raw)
    error = server.answer(call, pid, address, size)
    _LIBC.ioctl(listener, ctypes.c_ulong(_SEND), _ANSWER.pack(number, 0, -error, 0))


def _run(server: Server, listener: int, argv: Sequence[str], stdin: bytes) -> dict[str, int | str]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        with subprocess.Popen(argv, stdin=given, stdout=out, stderr=err) as program:
            _serve(server, listener, os.pidfd_open(program.pid))
            code = program.wait()
        out.seek(0)
        err.seek(0)
        return {"code": code, "stdout": out.read().hex(), "stderr": err.read().hex()}


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the programs that standard input names, in a package that is described by JSON."""
    server = Server(Tee(**json.loads(sys.argv[1])))
    listener = _listen()
    _say(simulated_world().root.pem.decode())
    for line in sys.stdin:
        request = json.loads(line)
        _say(_run(server, listener, request["argv"], bytes.fromhex(request["stdin"])))


if __name__ == "__main__":
    main()
