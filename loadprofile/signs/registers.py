"""What the cumulative register says of the intervals beside it."""

from __future__ import annotations

import numpy as np

from loadprofile.features.circumstances import RegisterChecks
from loadprofile.strength import Floats, both, count, number, ramp
from loadprofile.verdicts import Cause, Signature, sign


def register_sum(checks: RegisterChecks) -> Signature:
    """The intervals do not add up to what the register advanced."""
    ratio = checks.sum_ratio
    off = np.abs(np.log(np.clip(ratio, 1e-6, None)))
    return sign(
        Cause.DATA_MISMATCH, "register_sum", both(ramp(off, 0.03, 0.1), ramp(checks.windows, 0.5, 3.0)),
        lambda i: f"The intervals add up to {number(ratio[i], 3)} of the register difference "
        f"(median of {count(checks.windows[i], 'complete window', 'complete windows')}).",
        quantity="interval sum / register difference", found=ratio, expected=1.0, source="registers",
        speaks=0.8,
    )  # fmt: skip


def advanced(checks: RegisterChecks) -> Floats:
    """The register went on counting while readings were absent: only the data were lost."""
    return ramp(checks.gap_advance, 0.3, 0.8)
