"""Evidence of real machines, where OLOS_EVIDENCE_VECTORS names a directory that has it.

`snp` has `report_milan.hex`, `vcek_milan.der` and `cert_chain_milan` of virtee/sev; `nitro` has
`nitro_attestation.bin` of Dstack-TEE/dstack.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from olos.errors import MismatchError, OlosError

VECTORS = Path(os.environ.get("OLOS_EVIDENCE_VECTORS", "/nonexistent"))
SNP_TIME = datetime(2025, 1, 1, tzinfo=UTC)
NITRO_TIME = datetime(2025, 12, 25, 13, 15, 37, tzinfo=UTC)
DAY = timedelta(days=1)


def file(name: str) -> File:
    return File(name, (VECTORS / name).read_bytes())


def snp(report: bytes, time: datetime = SNP_TIME) -> Identity:
    collateral = (file("snp/cert_chain_milan"), file("snp/vcek_milan.der"))
    return verify(File("report", report), Demands(), collateral=collateral, time=time)


def nitro(document: bytes, time: datetime = NITRO_TIME) -> Identity:
    return verify(File("document", document), Demands(), time=time)


if (VECTORS / "snp").is_dir():

    def test_a_report_of_milan() -> None:
        report = file("snp/report_milan.hex").data
        identity = snp(report)
        assert identity.measurement.data.hex().startswith("7a1e5c266c0108db")
        assert identity.tcb == (("bootloader", 3), ("tee", 0), ("snp", 8), ("microcode", 115))
        assert (identity.debug, identity.signer) == (False, None)
        with pytest.raises(MismatchError, match="has expired"):
            snp(report, datetime(2030, 5, 1, tzinfo=UTC))

    def test_every_part_of_a_report_of_milan_counts() -> None:
        report = bytes.fromhex(file("snp/report_milan.hex").data.decode())
        for at in range(0, len(report), 13):
            changed = bytearray(report)
            changed[at] ^= 1 << at % 8
            with pytest.raises(OlosError):
                snp(bytes(changed))


if (VECTORS / "nitro").is_dir():

    def test_a_document_of_aws() -> None:
        document = file("nitro/nitro_attestation.bin").data
        identity = nitro(document)
        assert identity.measurement.data.hex().startswith("5cb702954321826d")
        assert not identity.debug
        for time in (NITRO_TIME - DAY, NITRO_TIME + DAY):
            with pytest.raises(MismatchError, match="check 'validity'"):
                nitro(document, time)

    def test_every_part_of_a_document_of_aws_counts() -> None:
        wrapped = file("nitro/nitro_attestation.bin").data
        document = wrapped[4 : 4 + (int.from_bytes(wrapped[2:4], "little") >> 2)]
        for at in range(0, len(document), 29):
            changed = bytearray(document)
            changed[at] ^= 1 << at % 8
            with pytest.raises(OlosError):
                nitro(bytes(changed))
