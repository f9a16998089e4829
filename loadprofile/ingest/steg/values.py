"""What a STEG reading yields: clients, and their invoices in columns, sorted."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

ELEC, GAZ = 0, 1
"""Values of ``Invoices.energy``: electricity and gas, which are never added up."""
ENERGIES = ("ELEC", "GAZ")


@dataclass(frozen=True, eq=False, slots=True)
class Clients:
    """The client table, one row per client, in the order of the file.

    Attributes:
        client_ids: ``(c,)`` str, unique.
        district, region, category: ``(c,)`` int32 codes; -1 = the file does not say.
        created: ``(c,)`` datetime64[D], begin of the contract; NaT = the file does not say.
        target: ``(c,)`` float32, 1 = found to be fraud, 0 = not, NaN = unknown or not given.
    """

    client_ids: NDArray[np.str_]
    district: NDArray[np.int32]
    region: NDArray[np.int32]
    category: NDArray[np.int32]
    created: NDArray[np.datetime64]
    target: NDArray[np.float32]

    def __post_init__(self) -> None:
        for field in fields(self):
            array = getattr(self, field.name)
            if array.shape != self.client_ids.shape:
                raise ShapeError(f"clients.{field.name}", array.shape, self.client_ids.shape)
            object.__setattr__(self, field.name, _readonly(array))
        if len(np.unique(self.client_ids)) != len(self.client_ids):
            raise ShapeError("clients.client_ids", "repeated ids", "unique ids")

    def __len__(self) -> int:
        return len(self.client_ids)

    def take(self, rows: NDArray[np.intp]) -> Clients:
        """Some of the clients, in the order asked for."""
        return Clients(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False, slots=True)
class Invoices:
    """Invoices, sorted by client, energy, counter, date and index; ``n`` rows of ``c`` clients.

    Attributes:
        starts: ``(c + 1,)`` int64: client ``i`` has rows ``starts[i]:starts[i + 1]`` (none is possible).
        client: ``(n,)`` int32, position in ``Clients``.
        date: ``(n,)`` int32, days since 1970-01-01, day of the invoice.
        energy: ``(n,)`` int8, ``ELEC`` or ``GAZ``.
        counter: ``(n,)`` int64, number of the meter.
        tariff, status, code, remark, coefficient: ``(n,)`` int32; -1 = the file does not say. What the
            codes of status, code and remark mean is not published.
        levels: ``(n, 4)`` int32, energy billed at each price level: kWh for ELEC; for GAZ the gas meter's
            own unit, which the source does not name.
        old_index, new_index: ``(n,)`` int32, register before and after, before the coefficient.
        months: ``(n,)`` int32, months billed; -1 = the file does not say.
        line: ``(n,)`` int64, line in the file (row for Parquet), for evidence.
    """

    starts: NDArray[np.int64]
    client: NDArray[np.int32]
    date: NDArray[np.int32]
    energy: NDArray[np.int8]
    counter: NDArray[np.int64]
    tariff: NDArray[np.int32]
    status: NDArray[np.int32]
    code: NDArray[np.int32]
    remark: NDArray[np.int32]
    coefficient: NDArray[np.int32]
    levels: NDArray[np.int32]
    old_index: NDArray[np.int32]
    new_index: NDArray[np.int32]
    months: NDArray[np.int32]
    line: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.client)
        for field in fields(self):
            array = getattr(self, field.name)
            expected = {"starts": self.starts.shape, "levels": (n, 4)}.get(field.name, (n,))
            if array.shape != expected:
                raise ShapeError(f"invoices.{field.name}", array.shape, expected)
            object.__setattr__(self, field.name, _readonly(np.ascontiguousarray(array)))
        if not len(self.starts) or self.starts[0] != 0 or self.starts[-1] != n:
            raise ShapeError("invoices.starts", self.starts[[0, -1]].tolist(), [0, n])
        if n and (np.diff(self.client) < 0).any():
            raise ShapeError("invoices.client", "unsorted", "sorted by client")

    def __len__(self) -> int:
        return len(self.client)

    def take(self, rows: NDArray[np.intp], clients: NDArray[np.intp] | None = None) -> Invoices:
        """The invoices at ``rows`` (ascending); clients are renumbered if some are chosen (ascending)."""
        client = self.client[rows]
        count = len(self.starts) - 1
        if clients is not None:
            place = np.full(count, -1, dtype=np.int32)
            place[clients] = np.arange(len(clients), dtype=np.int32)
            client, count = place[client], len(clients)
        starts = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(client, minlength=count), out=starts[1:])
        rest = (getattr(self, field.name)[rows] for field in fields(self)[2:])
        return Invoices(starts, client, *rest)

    def of_clients(self, clients: NDArray[np.intp]) -> Invoices:
        """All invoices of some clients, given in ascending order; clients are renumbered."""
        wanted = np.zeros(len(self.starts) - 1, dtype=np.bool_)
        wanted[clients] = True
        return self.take(np.flatnonzero(wanted[self.client]), clients)


def _readonly(array: NDArray) -> NDArray:  # type: ignore[type-arg]
    view = array.view()
    view.flags.writeable = False
    return view
