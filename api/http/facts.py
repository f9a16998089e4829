"""Tables of facts beside the readings, of every kind of body, through the readers of the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, FailFast, Field, ValidationError

from api.http.bodies import JSON, Upload
from api.http.columns import MOST_FIELDS, Number, Printable, Strict
from api.http.intake import checked_files, unreadable
from api.http.problems import malformed, refused, too_large
from api.http.settings import MEBIBYTE, Settings
from loadprofile.errors import InputError
from loadprofile.ingest.context import (
    Context,
    read_events,
    read_invoices,
    read_meters,
    read_outages,
    read_registers,
    read_topology,
)
from loadprofile.ingest.readings import Reject, shorten

MOST_ROWS = 100_000
LONGEST_TEXT = 200

MeterId = Annotated[Printable, Field(min_length=1, max_length=LONGEST_TEXT)]
Text = Annotated[Printable, Field(min_length=1, max_length=LONGEST_TEXT)]
Time = Annotated[
    Printable, Field(min_length=1, max_length=40, description="ISO 8601; without offset: local.")
]
Day = Annotated[Printable, Field(min_length=1, max_length=40, description="Such as 2024-01-31.")]


class EventRow(Strict):
    """Something that a meter logged."""

    meter_id: MeterId
    timestamp: Time
    code: Annotated[Text, Field(description="As the meter gives it.")]
    vocabulary: Annotated[Text | None, Field(description="Whose codes these are; by default DLMS.")] = None


class RegisterRow(Strict):
    """A cumulative register, read at a moment."""

    meter_id: MeterId
    timestamp: Time
    register_kwh: Number
    multiplier: Number | None = None


class OutageRow(Strict):
    """A known interruption of supply."""

    meter_id: MeterId
    start: Time
    end: Annotated[Time | None, Field(description="Left out: it lasts still.")] = None


class TopologyRow(Strict):
    """The feeder that a meter hangs on."""

    meter_id: MeterId
    feeder_id: Text


class InvoiceRow(Strict):
    """A bill; both days are included."""

    meter_id: MeterId
    first_day: Day
    last_day: Day
    kwh: Number | None = None
    amount: Number | None = None
    currency: Text | None = None
    basis: Annotated[Text | None, Field(description="How it was read: actual, estimated, customer, ...")] = (
        None
    )


class MeterRow(Strict):
    """What is known of a meter; what is left out stays as it was."""

    meter_id: MeterId
    tariff: Text | None = None
    category: Text | None = None
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = None
    timezone: Text | None = None


Row = TypeVar("Row")
Rows = Annotated[list[Row], FailFast(), Field(min_length=1, max_length=MOST_ROWS)]


class EventsBody(Strict):
    """Events of meters."""

    events: Rows[EventRow]


class RegistersBody(Strict):
    """Readings of registers."""

    registers: Rows[RegisterRow]


class OutagesBody(Strict):
    """Known interruptions."""

    outages: Rows[OutageRow]


class TopologyBody(Strict):
    """Meters and their feeders."""

    topology: Rows[TopologyRow]


class InvoicesBody(Strict):
    """Bills."""

    invoices: Rows[InvoiceRow]


class MetersBody(Strict):
    """Facts of meters."""

    meters: Rows[MeterRow]


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact: its body, the row of it, its reader, and whether its moments have a zone."""

    name: str
    body: type[Strict]
    row: type[Strict]
    reader: Callable[..., Context]
    zoned: bool


KINDS = {
    kind.name: kind
    for kind in (
        FactKind("events", EventsBody, EventRow, read_events, zoned=True),
        FactKind("registers", RegistersBody, RegisterRow, read_registers, zoned=True),
        FactKind("outages", OutagesBody, OutageRow, read_outages, zoned=True),
        FactKind("topology", TopologyBody, TopologyRow, read_topology, zoned=False),
        FactKind("invoices", InvoicesBody, InvoiceRow, read_invoices, zoned=False),
        FactKind("meters", MetersBody, MeterRow, read_meters, zoned=False),
    )
}


def table_in(upload: Upload, kind: FactKind, timezone: str, settings: Settings) -> Context:
    """The rows of an upload, read and checked one by one.

    Raises:
        ProblemError: with what is wrong, and where.
    """
    if upload.kind == JSON:
        path = _json_as_table(upload, kind)
    else:
        path, *others = checked_files(upload, settings)
        if others:
            raise refused(f"the archive holds {1 + len(others)} tables, and one is taken at a time")
    reader = partial(kind.reader, timezone=timezone) if kind.zoned else kind.reader
    try:
        table = reader(path)
    except InputError as error:
        raise unreadable(error) from None
    if table.read > settings.max_rows // 10:
        raise too_large(f"more than {settings.max_rows // 10:,} rows are not taken at once")
    return _recordable(table)


def _json_as_table(upload: Upload, kind: FactKind) -> Path:
    """The rows of a JSON body as a Parquet file, so that they are read by the same rules as a table."""
    if len(upload.data) > MEBIBYTE and upload.data.count(b'":') > 2 * MOST_FIELDS:
        raise refused("more names than any submission has")
    try:
        body = kind.body.model_validate_json(upload.data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise malformed(found, error.error_count()) from None
    rows: Sequence[BaseModel] = getattr(body, kind.name)
    columns = {}
    for name, field in kind.row.model_fields.items():
        values = [getattr(row, name) for row in rows]
        is_number = "float" in str(field.annotation)
        if field.is_required() or any(value is not None for value in values):
            columns[name] = pa.array(values, pa.float64() if is_number else pa.string())
    path = upload.folder / "rows.parquet"
    pq.write_table(pa.table(columns), path, compression="none", write_statistics=False)
    return path


def _recordable(table: Context) -> Context:
    """The same without rows whose texts cannot be recorded; these are listed as rejected."""
    frame, why = table.frame, np.full(len(table.frame), "", dtype=object)
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_datetime64_any_dtype(frame[name]):
            continue
        words, at = np.unique(frame[name].fillna("").astype(str).to_numpy(dtype=object), return_inverse=True)
        odd = np.array([not w.isprintable() or len(w) > LONGEST_TEXT for w in words], dtype=np.bool_)
        why[odd[at]] = f"{name} is too long or holds control characters"
    if not (why != "").any():
        return table
    rejects = [
        Reject("", 0, str(why[row]), shorten(",".join(map(str, frame.iloc[row]))), "")
        for row in np.flatnonzero(why != "").tolist()
    ]
    good = frame[why == ""].reset_index(drop=True)
    return Context(good, table.read, table.rejected + len(rejects), (*table.rejects, *rejects))
