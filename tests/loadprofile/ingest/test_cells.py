"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest

from loadprofile.ingest.cells import BLANKS, decimal_of, number, numbers


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        pytest.param("0.5", ".", 0.5, id="plain"),
        pytest.param(" -1 ", ".", -1.0, id="blanks_around"),
        pytest.param(".5", ".", 0.5, id="no_zero"),
        pytest.param("1e-3", ".", 0.001, id="exponent"),
        pytest.param("1,234.5", ".", 1234.5, id="english_thousands"),
        pytest.param("1'234.5", ".", 1234.5, id="swiss_thousands"),
        pytest.param("0,5", ",", 0.5, id="decimal_comma"),
        pytest.param("1.234,5", ",", 1234.5, id="german_thousands"),
        pytest.param("1\u00a0234,5", ",", 1234.5, id="french_thousands"),
        pytest.param("7", ",", 7.0, id="whole_with_commas_elsewhere"),
    ],
)
def test_numbers_of_many_lands(text: str, decimal: str, value: float) -> None:
    assert number(text, decimal) == value


@pytest.mark.parametrize("text", ["x", "1.2.3", "0x1f", "1 kWh", "#DIV/0!", "inf", "1e999", "0,5", "1_000"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        number(text)


def test_a_point_among_commas_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="decimal point"):
        number("1.234", ",")


@pytest.mark.parametrize("text", BLANKS)
def test_blanks(text: str) -> None:
    assert math.isnan(number(text))


def test_many_at_once() -> None:
    values, reasons = numbers(["1", "x", None])
    assert values[0] == 1.0
    assert math.isnan(values[1])
    assert math.isnan(values[2])
    assert reasons == ["", "not a number", ""]


def test_which_decimal_mark() -> None:
    assert decimal_of(["0,5", "1,25", "x"]) == ","
    assert decimal_of(["0.5", "1"]) == "."
    assert decimal_of([]) == "."
