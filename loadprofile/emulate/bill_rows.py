"""Bills while they are made: one row a bill, by client, energy and time; writable arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.signedinteger]


@dataclass(frozen=True, eq=False, slots=True)
class BillRows:
    """``n`` bills of ``s`` streams; a stream is one energy of one client.

    Attributes:
        stream, number: ``(n,)`` which stream, and the place of the bill in it from 0.
        bills, owner: ``(s,)`` bills of the stream, and its client.
        client, energy, date: ``(n,)``; the date in days since 1970-01-01.
        kwh: ``(n,)`` energy that the register sees.
        begin: ``(s,)`` register at the start.
        second: ``(n,)`` bool: behind the client's second meter.
        counter, code, tariff, status, remark, coefficient, months: ``(n,)`` as in the layout.
        old, new, billed: ``(n,)`` registers and amount; levels: ``(n, 4)`` the amount by price level.
        jump: ``(n,)`` units by which the register moved since the last bill without being billed.
        unapplied: ``(n,)`` bool: the coefficient was not applied to the amount.
        extra: ``(n,)`` energy billed beyond the register.
        digits: ``(s,)`` digits after which the register begins at zero again; 0 = never.
    """

    stream: Whole
    number: Whole
    bills: Whole
    owner: Whole
    client: Whole
    energy: NDArray[np.int8]
    date: Whole
    kwh: Whole
    begin: Whole
    second: NDArray[np.bool_]
    counter: Whole
    code: Whole
    tariff: Whole
    status: Whole
    remark: Whole
    coefficient: Whole
    months: Whole
    old: Whole
    new: Whole
    billed: Whole
    levels: Whole
    jump: Whole
    unapplied: NDArray[np.bool_]
    extra: Whole
    digits: Whole

    def starts(self) -> Whole:
        """``(s,)`` first row of each stream."""
        return np.cumsum(self.bills) - self.bills
