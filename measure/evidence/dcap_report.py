"""The bodies of DCAP quotes: the report of an SGX enclave, and that of a TD, 1.0 and 1.5.

Intel SDM vol. 3D, "Report (REPORT)", without what follows REPORTDATA; Intel, "TDX DCAP Quoting Library
API", appendix A.3.2, "TD Quote Body". Integers are little-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Layout:
    """The size of a report, and offset and size of each field in it."""

    size: int
    fields: Mapping[str, tuple[int, int]]


SGX_REPORT = Layout(
    384,
    MappingProxyType(
        {
            "CPUSVN": (0, 16),
            "MISCSELECT": (16, 4),
            "ISVEXTPRODID": (32, 16),
            "ATTRIBUTES": (48, 8),
            "XFRM": (56, 8),
            "MRENCLAVE": (64, 32),
            "MRSIGNER": (128, 32),
            "CONFIGID": (192, 64),
            "ISVPRODID": (256, 2),
            "ISVSVN": (258, 2),
            "CONFIGSVN": (260, 2),
            "ISVFAMILYID": (304, 16),
            "REPORTDATA": (320, 64),
        }
    ),
)
_TD_FIELDS = {
    "TEE_TCB_SVN": (0, 16),
    "MRSEAM": (16, 48),
    "MRSIGNERSEAM": (64, 48),
    "SEAMATTRIBUTES": (112, 8),
    "TDATTRIBUTES": (120, 8),
    "XFAM": (128, 8),
    "MRTD": (136, 48),
    "MRCONFIGID": (184, 48),
    "MROWNER": (232, 48),
    "MROWNERCONFIG": (280, 48),
    "RTMR0": (328, 48),
    "RTMR1": (376, 48),
    "RTMR2": (424, 48),
    "RTMR3": (472, 48),
    "REPORTDATA": (520, 64),
}
TD_REPORT_10 = Layout(584, MappingProxyType(_TD_FIELDS))
TD_REPORT_15 = Layout(
    648, MappingProxyType({**_TD_FIELDS, "TEE_TCB_SVN_2": (584, 16), "MRSERVICETD": (600, 48)})
)

_SGX_DEBUG = 1 << 1
_TD_UNDER_DEBUG = 0xFF  # TUD: with any of these bits the TD is not to be trusted


@dataclass(frozen=True)
class Report:
    """The fields of a report. Nothing says yet that it is genuine."""

    layout: Layout
    data: bytes

    def field(self, name: str) -> bytes:
        """The bytes of a field."""
        start, size = self.layout.fields[name]
        return self.data[start : start + size]

    def number(self, name: str) -> int:
        """A field as a number."""
        return int.from_bytes(self.field(name), "little")

    @property
    def debug(self) -> bool:
        """Whether the host can look into the enclave or TD."""
        if self.layout is SGX_REPORT:
            return bool(self.number("ATTRIBUTES") & _SGX_DEBUG)
        return bool(self.number("TDATTRIBUTES") & _TD_UNDER_DEBUG)
