"""What single columns of invoices say to an inspector, where a sign has no sentence of its own.

Templates: ``{value}`` and ``{middle}`` (the median of all clients) are numbers, ``{share}`` and ``{usual}``
the same as percentages, ``{signed}`` is the value with its sign. A column without a phrase is not told: sums
of meter numbers, or the spread of codes, name a meter and mean nothing to a reader. What such columns add
stands in the sentence of their sign (``TOGETHER``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from loadprofile.features.billing.history import REMARKS
from loadprofile.features.billing.names import BILL_FEATURES, ENERGY_NAMES

_WORD = dict(zip(ENERGY_NAMES, ("electricity", "gas"), strict=True))
_UNIT = dict(zip(ENERGY_NAMES, ("kWh", "gas units"), strict=True))
_MIDDLE = "{middle} in the median of all clients"
_KIND = "bills of the same month, year, district, region, tariff and category"

_CHECKS = {
    "sum": "whose price levels do not sum to what the register shows",
    "coefficient": "that leave out the coefficient of the meter",
    "index_gap": "that begin above the end of the bill before",
    "index_overlap": "that begin below the end of the bill before",
    "index_restart": "that begin below the beginning of the bill before",
    "negative": "that end below where they begin",
    "below_zero": "with an index below zero",
    "wrap_around": "in which the register passed its last digit",
    "period_gap": "before which days are not billed",
    "period_overlap": "that cover days billed before",
    "same_day": "of the same meter and day as another",
    "both_energies": "with a meter number that stands for electricity and for gas",
}
_CONTRACT = {
    "contract.months": "the contract is {value} months old",
    "contract.bills": "{value} bills in all",
    "contract.bills_per_month": "{value} bills for each month of the contract",
    "contract.months_billed": "{value} months billed in all",
    "contract.first_bill_months": "the first bill comes {value} months after the contract began",
    "contract.silent_days": "the last bill lies {value} days before the data end",
    "spread.months.max": "one bill covers {value} months",
    "spread.months.mean": "a bill covers {value} months on average",
    "spread.days.max": "up to {value} days between two bills",
    "spread.days.mean": "{value} days between two bills on average",
}
_DEVIATION = {
    "deviation.mean": f"billed {{signed}} kWh a day beside {_KIND} on average; {_MIDDLE}",
    "deviation.most": f"the highest bill lies {{signed}} kWh a day from the mean of {_KIND}; {_MIDDLE}",
    "deviation.least": f"the lowest bill lies {{signed}} kWh a day from the mean of {_KIND}; {_MIDDLE}",
}
_AMOUNT = {
    "spread.billed.max": "the largest bill, electricity or gas, is {value} units",
    "spread.billed.mean": "a bill, electricity or gas, is {value} units on average",
    "spread.billed.median": "the middle bill, electricity or gas, is {value} units",
    "spread.billed.std": "bills, electricity and gas, vary by {value} units",
    "spread.level_1.max": "up to {value} units billed at the first price level",
    "spread.level_1.mean": "{value} units a bill at the first price level",
    "spread.level_2.max": "up to {value} units billed at the second price level",
    "spread.level_3.max": "up to {value} units billed at the third price level",
    "spread.level_4.max": "up to {value} units billed at the fourth price level",
}


def _of_energies() -> dict[str, str]:
    out: dict[str, str] = {}
    usual = "{usual} in the median of all clients"
    for energy in ENERGY_NAMES:
        word, unit, at = _WORD[energy], _UNIT[energy], f"history.{energy}."
        out |= {
            f"{at}counter_values": f"{{value}} different {word} meters, {_MIDDLE}",
            f"{at}status_changes": f"the status of the {word} meter changed {{value}} times, {_MIDDLE}",
            f"{at}code_changes": f"the code of the {word} meter changed {{value}} times, {_MIDDLE}",
            f"{at}coefficient_changes": f"the coefficient of the {word} meter changed {{value}} times, "
            f"{_MIDDLE}",
            f"{at}last_coefficient": f"the {word} meter has the coefficient {{value}}, {_MIDDLE}",
            f"{at}other_status_share": f"{{share}} of the {word} bills with a meter status other than 0, "
            f"{usual}",
            f"{at}unknown_status": f"{{value}} {word} bills without a known meter status, {_MIDDLE}",
            f"{at}tariff_changes": f"the {word} tariff changed {{value}} times, {_MIDDLE}",
            f"{at}remark_changes": f"the remark of the {word} reading changed {{value}} times, {_MIDDLE}",
            f"estimate.{energy}.hundreds_share": f"{{share}} of the {word} bills end in 00, {usual}",
            f"estimate.{energy}.tens_share": f"{{share}} of the {word} bills end in 0, {usual}",
            f"use.{energy}.per_day": f"{{value}} {unit} of {word} a day on average, {_MIDDLE}",
        }
        out |= {
            f"{at}remark_{remark}_share": f"reading remark {remark} in {{share}} of the {word} bills, {usual}"
            for remark in REMARKS
        }
        out |= {
            f"check.{energy}.{name}": f"{{value}} {word} bills {said}, {_MIDDLE}"
            for name, said in _CHECKS.items()
        }
    return out


PHRASES: Mapping[str, str] = MappingProxyType(
    {
        **_of_energies(),
        **{name: f"{said}, {_MIDDLE}" for name, said in _CONTRACT.items()},
        **_DEVIATION,
        **{name: f"{said}, {_MIDDLE}" for name, said in _AMOUNT.items()},
    }
)  # fmt: skip
"""Column -> template of a sentence."""

TOGETHER: Mapping[str, str] = MappingProxyType(
    {
        "meter": "numbers, codes and index of its meters weigh towards fraud together; they may have been "
        "written after the visit (--no-identity learns without them)",
        "tariff": "its tariff weighs towards fraud",
        "remarks": "the remarks of its readings weigh towards fraud together; none stands out",
        "contract": "the age of the contract and the rhythm of its bills weigh towards fraud; neither stands "
        "out",
        "deviation": "where its bills lie beside " + _KIND + " weighs towards fraud, though it does not "
        "stand out",
        "amount.both": "the amounts of its bills weigh towards fraud together; none stands out",
    }
)
"""Sign -> what is said where none of its columns stands out among all clients."""

UNITS: Mapping[str, str] = MappingProxyType({name: BILL_FEATURES[name].unit or "1" for name in PHRASES})
