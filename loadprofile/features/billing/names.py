"""Names of the features of bills: each is a recipe, with its unit and one sentence.

``elec`` and ``gaz`` stand for the energy; amounts are in kWh for ``elec`` and in units of the gas meter
for ``gaz`` (the source does not name them). ``when.*`` are moments, which no classifier is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from loadprofile.features.billing.checks import CHECKS
from loadprofile.features.billing.history import CONTRACT, COUNTS, EXTRAS, HISTORIES
from loadprofile.features.billing.spread import SPREAD_OF, STATISTICS

ENERGY_NAMES = ("elec", "gaz")
CLIENT = ("district", "region", "category")
IDENTITY = ("counter", "status", "code", "coefficient")
"""Columns that name or describe the meter; they may be written after an inspection."""
_IDENTITY_SPREADS = (*IDENTITY, "old_index", "new_index")  # an index begins anew with another meter
_IDENTITY_EXTRAS = ("last_status", "other_status_share", "unknown_status", "last_code", "last_coefficient")


@dataclass(frozen=True, slots=True)
class BillFeature:
    """What one column is: ``unit`` ("" = none) and ``meaning``, one sentence."""

    unit: str
    meaning: str
    identity: bool = False


_USE = {
    "use.bills": ("invoices", "Number of invoices."),
    "use.per_day": ("kWh/day", "Amount billed per day covered, over all invoices."),
    "use.per_day_std": ("kWh/day", "Standard deviation of the amount per day from invoice to invoice."),
    "use.per_day_variation": ("", "That standard deviation over the mean."),
    "use.per_day_max": ("kWh/day", "Largest amount per day of an invoice."),
    "use.recent_ratio": ("", "Use per day in the last year over use per day before it."),
    "use.trend": ("1/year", "Slope of the amount per day, over the mean."),
    "use.days": ("days", "Days covered by invoices with a known period."),
    "season.winter": ("", "Mean amount per day of December to February over the mean of the year."),
    "season.spring": ("", "The same for March to May."),
    "season.summer": ("", "The same for June to August."),
    "season.autumn": ("", "The same for September to November."),
    "season.strength": ("", "Highest minus lowest of the seasonal figures."),
    "level.ratio": ("", "Use per day after the one change over before it, in like seasons."),
    "level.strength": ("", "Difference of the levels in standard errors."),
    "level.before": ("kWh/day", "Use per day before the change."),
    "level.after": ("kWh/day", "Use per day after the change."),
    "level.age": ("days", "Days from the change to the last invoice."),
    "level.date": ("days since 1970-01-01", "Day of the change: begin of its first invoice."),
    "run.zero_longest": ("invoices", "Longest run of invoices of nothing."),
    "run.zero_days": ("days", "Days covered by the longest such run."),
    "run.zero_share": ("", "Share of the invoices that bill nothing."),
    "run.zero_last": ("invoices", "Invoices of nothing at the end."),
    "run.low_longest": ("invoices", "Longest run below a tenth of the own median use per day."),
    "run.stall_bills": ("invoices", "Invoices whose index stands still after it had moved."),
    "run.stall_longest": ("invoices", "Longest run of them."),
    "run.unread_bills": ("invoices", "Invoices that bill something though the index stands still."),
    "estimate.repeated_share": ("", "Share of the invoices with the amount of the one before."),
    "estimate.repeated_longest": ("invoices", "Longest run of such repetitions."),
    "estimate.hundreds_share": ("", "Share of the amounts above zero that end in 00."),
    "estimate.tens_share": ("", "Share of the amounts above zero that end in 0."),
}
_COUNTS = {
    "values": ("", "Different known values of {}."),
    "changes": ("", "Changes of {} from invoice to invoice."),
    "age": ("days", "Days from the last change of {} to the last invoice."),
}
_EXTRAS = {
    "last_status": ("code", "Counter status of the last invoice."),
    "other_status_share": ("", "Share of the invoices with a status other than 0."),
    "unknown_status": ("invoices", "Invoices whose status is unknown."),
    "last_code": ("code", "Counter code of the last invoice."),
    "last_coefficient": ("", "Coefficient of the last invoice."),
    "last_tariff": ("code", "Tariff of the last invoice."),
}
_CONTRACT = {
    "months": ("months", "Months from the begin of the contract to the last invoice."),
    "bills": ("invoices", "Number of invoices, both energies."),
    "bills_per_month": ("1/month", "Invoices per month of contract."),
    "months_billed": ("months", "Sum of the months that the invoices name."),
    "first_bill_months": ("months", "Months from the begin of the contract to the first invoice."),
    "silent_days": ("days", "Days from the last invoice to the end of the data."),
    "energies": ("", "1 = one energy, 2 = electricity and gas."),
}
_UNITS = {"months": "months", "days": "days", "billed": "kWh", "moved": "units", "old_index": "units",
          "new_index": "units"}  # fmt: skip


def _named() -> dict[str, BillFeature]:
    out: dict[str, BillFeature] = {}
    for energy in ENERGY_NAMES:
        for name, (unit, meaning) in _USE.items():
            group, rest = name.split(".")
            own = unit if energy == "elec" else unit.replace("kWh", "gas units")
            where = f"when.{energy}.level" if name == "level.date" else f"{group}.{energy}.{rest}"
            out[where] = BillFeature(own, meaning)
    for energy in ENERGY_NAMES:
        for history in HISTORIES:
            for count in COUNTS:
                unit, meaning = _COUNTS[count]
                named = BillFeature(unit, meaning.format(history), history in IDENTITY)
                out[f"history.{energy}.{history}_{count}"] = named
        for extra in EXTRAS:
            unit, meaning = _EXTRAS.get(
                extra, ("", f"Share of the invoices with {extra[:8].replace('_', ' ')}.")
            )
            out[f"history.{energy}.{extra}"] = BillFeature(unit, meaning, extra in _IDENTITY_EXTRAS)
    for name in CLIENT:
        out[f"client.{name}"] = BillFeature(
            "code", f"{name.capitalize()} of the client, as coded in the file."
        )
    for name in CONTRACT:
        out[f"contract.{name}"] = BillFeature(*_CONTRACT[name])
    for column in SPREAD_OF:
        for statistic in STATISTICS:
            unit = "" if statistic == "values" else _UNITS.get(column, "")
            if column.startswith("level_") and statistic != "values":
                unit = "kWh"
            meaning = f"{statistic.capitalize()} of {column} over the invoices of both energies."
            if statistic == "values":
                meaning = f"Different values of {column} over the invoices of both energies."
            out[f"spread.{column}.{statistic}"] = BillFeature(unit, meaning, column in _IDENTITY_SPREADS)
    for energy in ENERGY_NAMES:
        for check in CHECKS:
            told = f"Invoices that break the check {check!r} (billing/checks.py)."
            identity = check in ("index_restart", "coefficient", "both_energies")
            out[f"check.{energy}.{check}"] = BillFeature("invoices", told, identity)
    for which in ("most", "least", "mean"):
        meaning = f"{which.capitalize()} difference of the amount per day from the mean of its kind."
        out[f"deviation.{which}"] = BillFeature("kWh/day", meaning)
        out[f"deviation.level_1_{which}"] = BillFeature(
            "kWh", f"{which.capitalize()} difference of level 1 from the mean of its kind."
        )
    return out


BILL_FEATURES: Mapping[str, BillFeature] = MappingProxyType(_named())
"""Name -> what it is, in the order of the columns."""
