"""As libolos_driver.c, through olos_tee."""

import sys

import olos_tee


def main(verb: str, *args: str) -> bytes:
    data = sys.stdin.buffer.read()
    if verb == "kind":
        return b"%d\n" % olos_tee.kind()
    if verb == "identity":
        return repr(olos_tee.identity()).encode()
    if verb == "seal":
        return olos_tee.seal(data, int(args[0]), args[1].encode())
    if verb == "unseal":
        return olos_tee.unseal(data, args[0].encode())
    if verb == "evidence":
        return olos_tee.evidence(data)
    if verb == "verify-evidence":
        return repr(olos_tee.verify_evidence(data, int(args[0]))).encode()
    if verb == "generate":
        return b"".join(olos_tee.generate_cert(int(args[1]), int(args[0])))
    if verb == "verify-cert":
        wanted = bytes.fromhex(args[1] * 32)
        olos_tee.verify_cert(data, lambda identity: identity.measurement == wanted, int(args[0]))
        return b""
    raise SystemExit(255)


try:
    sys.stdout.buffer.write(main(*sys.argv[1:]))
except OSError as exc:
    sys.exit(exc.errno)
