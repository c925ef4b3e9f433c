"""Quotes of real machines, where OLOS_EVIDENCE_VECTORS names a directory that has them.

They are those of the library dcap-qvl (`sample/`), in a sub-directory `dcap`.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from measure.evidence.demands import Demands
from measure.evidence.formats import verify
from measure.evidence.model import File, Identity
from olos.errors import MismatchError, OlosError

VECTORS = Path(os.environ.get("OLOS_EVIDENCE_VECTORS", "/nonexistent")) / "dcap"
TIMES = {"sgx": 1750334171, "tdx": 1750332747}
SGX_STATUS = "ConfigurationAndSWHardeningNeeded"
LAX = Demands(tcb_statuses=frozenset({"UpToDate", SGX_STATUS}))


def read(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def verified(
    tee: str, quote: bytes, *, later: int = 0, collateral: str = "", demands: Demands = LAX
) -> Identity:
    file = f"{collateral or tee}_quote_collateral.json"
    return verify(
        File("quote", quote),
        demands,
        collateral=(File(file, read(file)),),
        time=datetime.fromtimestamp(TIMES[tee] + later, UTC),
    )


if VECTORS.is_dir():

    def test_sgx() -> None:
        identity = verified("sgx", read("sgx_quote"))
        assert (identity.tcb_status, identity.advisories) == (
            SGX_STATUS,
            ("INTEL-SA-00289", "INTEL-SA-00615"),
        )
        assert identity.report_data.data == b"Hello, world!".ljust(64, b"\0")
        with pytest.raises(MismatchError, match="INTEL-SA-00289"):
            verified("sgx", read("sgx_quote"), demands=Demands())

    def test_tdx() -> None:
        identity = verified("tdx", read("tdx_quote"), demands=Demands())
        assert (identity.tcb_status, identity.advisories) == ("UpToDate", ())
        assert identity.measurement.data.hex().startswith("91eb2b44")

    @pytest.mark.parametrize("tee", TIMES)
    def test_expired_collateral(tee: str) -> None:
        with pytest.raises(MismatchError, match="TCBInfo has expired"):
            verified(tee, read(f"{tee}_quote"), later=60 * 86400)

    @pytest.mark.parametrize("tee", TIMES)
    def test_the_collateral_of_the_other_platform(tee: str) -> None:
        other = "tdx" if tee == "sgx" else "sgx"
        with pytest.raises(MismatchError, match="collateral"):
            verified(tee, read(f"{tee}_quote"), collateral=other)

    @pytest.mark.parametrize("tee", TIMES)
    def test_changed_bits(tee: str) -> None:
        quote = read(f"{tee}_quote")
        for position in range(0, len(quote), 29):
            changed = bytearray(quote)
            changed[position] ^= 1 << position % 8
            with pytest.raises(OlosError):
                verified(tee, bytes(changed))
                raise AssertionError(f"byte {position} can be changed")
