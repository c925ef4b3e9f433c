"""Verifying attestation evidence of hardware: the relying party's side (docs/attestation.md).

One call does it: `measure.evidence.formats.verify`. Unlike the rest of `measure`, this package uses the
library `cryptography`. It asks no clock and no network: the time is an argument, and so are certificates.
"""
