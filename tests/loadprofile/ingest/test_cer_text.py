"""The scan of CER text beside a line-by-line twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.ingest.cer_text import parse_cer_text

NAIVE = st.sampled_from([
    "1392 19501 0.14", "1392 19502 -0.5", "1000 73048 1.5e-1", "1392  19503\t2", " 1392 19504 3 ",
    "", "1392 19505", "1392 19505 0.1 7", "abc 19505 1", "1392 x 1", "1392 19506 one", "1392 19507 inf",
    "1392 19507 1,5", "1392 19507 0.1\r", "\u00e9\u00e8", "1392 99 1",
])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(NAIVE, max_size=30), final=st.booleans())
def test_the_parse_agrees_with_a_line_by_line_twin(lines: list[str], final: bool) -> None:
    block = "\n".join(lines) + ("\n" if final else "")
    good, bad = [], []
    for number, text in enumerate(block.split("\n")):
        fields = text.split()
        whole = len(fields) == 3 and fields[0].isdigit() and fields[1].isdigit()
        try:
            value = float(fields[2]) if whole else np.inf
        except ValueError:
            value = np.inf
        if np.isfinite(value):
            good.append((int(fields[0]), int(fields[1]), value, number))
        elif fields:
            bad.append(number)
    parsed = parse_cer_text(block.encode())
    found = zip(parsed.meter, parsed.daycode, parsed.value, parsed.line, strict=True)
    assert [tuple(row) for row in found] == good
    assert [line for line, _, _ in parsed.bad] == bad


def test_a_bad_line_in_the_middle_costs_only_itself() -> None:
    lines = [b"%d 19501 0.5" % (1000 + i % 900) for i in range(50_000)]
    lines[30_000] = b"1000 19501 o.5"
    lines[40_000] = b"1000 19501"
    parsed = parse_cer_text(b"\n".join(lines))
    assert [(at, reason) for at, reason, _ in parsed.bad] == [
        (30_000, "not a number"), (40_000, "2 fields in place of 3"),
    ]  # fmt: skip
    assert len(parsed.meter) == 49_998
    assert parsed.line[[29_999, 30_000, 39_998, 39_999]].tolist() == [29_999, 30_001, 39_999, 40_001]


@settings(max_examples=200, deadline=None)
@given(
    value=st.one_of(
        st.decimals(-100_000, 100_000, places=5).map(str),
        st.floats(0, 1e5, width=32).map(repr),
        st.integers(0, 10**20).map(str),
        st.sampled_from(
            ["0", "-0.0", ".5", "5.", "1e3", "+2", "000.140", "123456789012.345", "0.1234567890123456"]
        ),
    )
)
def test_values_are_rounded_as_python_rounds_them(value: str) -> None:
    parsed = parse_cer_text(f"1000 19501 {value}\n".encode())
    assert parsed.value.tolist() == [float(value)]
    assert parsed.bad == []


def test_other_separators_and_line_ends() -> None:
    plain = parse_cer_text(b"1000 19501 0.5\n1001 19502 0.25\n")
    for text in (
        b"1000\t19501\t0.5\n1001\t19502\t0.25\n",
        b"1000,19501,0.5\n1001,19502,0.25",
        b"1000;19501;0.5\r\n1001;19502;0.25\r\n",
        b"  1000  19501   0.5 \n 1001 19502 0.25  \n",
    ):
        got = parse_cer_text(text)
        assert got.bad == []
        for name in ("meter", "daycode", "value", "line"):
            np.testing.assert_array_equal(getattr(got, name), getattr(plain, name))
