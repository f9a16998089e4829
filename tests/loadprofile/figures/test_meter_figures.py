"""Pictures of one meter: drawn without a warning whatever the meter looks like, and true to it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from loadprofile.figures.distribution import before_after_histogram, bins_for, peak_of
from loadprofile.figures.hourly import hourly_power, hourly_trends, quantiles, signed, theil_sen
from loadprofile.figures.marks import NAT, Marks, moment, windows, written
from loadprofile.figures.meter import daily_energy, daily_total, day_hour_heatmap, in_view, rolling_mean
from loadprofile.figures.odds import cause_bars, strongest
from loadprofile.figures.seasonal import seasonal_boxplots
from loadprofile.figures.style import INK, printable
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, Evidence

DRAW: dict[str, Callable[[LoadProfiles, int, Marks], Figure]] = {
    "heatmap": day_hour_heatmap,
    "daily": daily_total,
    "histogram": before_after_histogram,
    "hours": hourly_trends,
    "seasons": seasonal_boxplots,
}


def pixels(figure: Figure, *, small: bool = False) -> np.ndarray:
    """The picture; a small one is drawn by the same code in a fraction of the time."""
    if small:
        figure.set_dpi(40)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


def cube(kind: str, step: int = 30, days: int = 58) -> LoadProfiles:
    rng = np.random.default_rng(7)
    s = 1440 // step
    shape = 0.4 + 0.3 * np.sin(np.linspace(0, 2 * np.pi, s)) ** 2
    kwh = (shape * rng.gamma(4, 0.25, (1, days, s))).astype(np.float32)
    if kind == "empty":
        kwh[:] = np.nan
    if kind == "zero":
        kwh[:] = 0
    if kind == "negative":
        kwh -= 0.5
    if kind == "constant":
        kwh[:] = 0.25
    if kind == "stops":
        kwh[:, days // 3 :] = np.nan
    if kind == "one reading":
        kwh[:] = np.nan
        kwh[0, days // 2, 3] = 0.7
    if kind == "spike":
        kwh[0, 0, 0] = 2.0e6
    first = np.datetime64("2013-01-20")
    return LoadProfiles(np.array(["m"]), first + np.arange(days), kwh, step)


ONSET = Marks(
    onset=np.datetime64("2013-02-10T12:30"),
    low=np.datetime64("2013-02-08T00:00"),
    high=np.datetime64("2013-02-13T00:00"),
    spans=((1, np.datetime64("2013-02-10T12:30"), np.datetime64("2013-03-01T00:00")),),
)
ENDED = Marks(onset=np.datetime64("2013-02-10T00:00"), end=np.datetime64("2013-02-12T00:00"))
ELSEWHERE = Marks(onset=np.datetime64("2019-02-10T00:00"), low=NAT, high=NAT)


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        pytest.param("ordinary", ONSET, id="ordinary-onset"),
        pytest.param("ordinary", ELSEWHERE, id="onset-out-of-sight"),
        pytest.param("empty", ONSET, id="no-readings"),
        pytest.param("zero", ONSET, id="all-zero"),
        pytest.param("negative", ONSET, id="negative"),
        pytest.param("one reading", Marks(), id="one-reading"),
        pytest.param("spike", ONSET, id="spike"),
    ],
)
def test_every_meter_can_be_drawn(name: str, kind: str, marks: Marks) -> None:
    figure = DRAW[name](cube(kind), 0, marks)
    assert len(np.unique(pixels(figure, small=True).view(np.uint32))) > 10
    shown = [axes for axes in figure.axes if axes.axison and axes.get_ylabel()]
    assert shown, "no labelled panel"


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize(("step", "days"), [(15, 9), (30, 120), (60, 1), (60, 1200)])
def test_any_step_and_length(name: str, step: int, days: int) -> None:
    pixels(DRAW[name](cube("ordinary", step, days), 0, ONSET), small=True)


@pytest.mark.parametrize("name", DRAW)
def test_no_days_at_all(name: str) -> None:
    empty = LoadProfiles(
        np.array(["m"]), np.array([], dtype="datetime64[D]"), np.zeros((1, 0, 48), np.float32), 30
    )
    pixels(DRAW[name](empty, 0, Marks()), small=True)


def test_units_stand_on_the_axes() -> None:
    labels = {
        name: " ".join(f"{a.get_xlabel()} {a.get_ylabel()}" for a in draw(cube("ordinary"), 0, ONSET).axes)
        for name, draw in DRAW.items()
    }
    assert "kWh per day" in labels["daily"]
    assert "kWh per 30 min" in labels["histogram"]
    assert "%" in labels["histogram"]
    assert "kW" in labels["hours"]
    assert "kW" in labels["seasons"]


def test_missing_zero_and_low_look_different() -> None:
    days = np.datetime64("2013-01-01") + np.arange(30)
    kwh = np.full((1, 30, 24), 1.0, np.float32)
    kwh[0, :10] = np.nan
    kwh[0, 10:20] = 0.0
    kwh[0, 20:25] = 0.01
    figure = day_hour_heatmap(LoadProfiles(np.array(["m"]), days, kwh, 60), 0)
    image = pixels(figure)[:, :, :3].astype(float)
    box = figure.axes[0].get_position()
    high, wide = image.shape[:2]

    def around(day: float) -> np.ndarray:
        x = int((box.x0 + box.width * day / 30) * wide)
        y = int((1 - (box.y0 + box.height / 2)) * high)
        return image[y - 8 : y + 8, x - 8 : x + 8].reshape(-1, 3)

    missing, zero, low, full = (around(day) for day in (5, 15, 22.5, 27.5))
    assert (zero == 255).all(), "an exact zero is white"
    assert missing.std(axis=0).min() > 3, "missing is hatched"
    assert np.ptp(missing.mean(axis=0)) < 4, "missing is grey"
    assert low.std() > 0
    assert np.ptp(low.mean(axis=0)) > 20, "a low reading has a colour"
    assert np.abs(full.mean(axis=0) - low.mean(axis=0)).max() > 80


def test_a_spike_does_not_hide_the_rest() -> None:
    calm = pixels(day_hour_heatmap(cube("ordinary"), 0))
    spiked = pixels(day_hour_heatmap(cube("spike"), 0))
    assert (calm == spiked).mean() > 0.9


def test_peak_height_and_width() -> None:
    share = np.array([0.1, 0.3, 0.6, 0.4, 0.1, 0.5])
    peak = peak_of(share, np.arange(7) * 0.5)
    assert peak is not None
    assert (peak.height, peak.left, peak.right, peak.at) == (0.6, 0.5, 2.0, 1.25)
    assert peak.width == 1.5
    assert peak_of(np.zeros(3), np.arange(4.0)) is None


def test_bins_follow_the_recording_step() -> None:
    values = np.repeat(np.arange(1, 31) / 10, 20)
    share = np.histogram(values, bins_for(values))[0]
    assert np.ptp(share[1:-1]) == 0, "a comb that is not in the data"


def test_zeros_are_counted_not_drawn() -> None:
    kwh = np.full((1, 20, 24), 0.5, np.float32)
    kwh[0, :, :18] = 0
    days = np.datetime64("2013-01-01") + np.arange(20)
    axes = before_after_histogram(LoadProfiles(np.array(["m"]), days, kwh, 60), 0).axes[0]
    assert axes.get_legend_handles_labels()[1][0].startswith("all readings: 480 readings, 75.0 % exactly 0")
    assert axes.get_ylim()[1] < 30


def test_quantiles_like_numpy() -> None:
    rng = np.random.default_rng(2)
    part = rng.normal(size=(37, 24))
    part[rng.random(part.shape) < 0.3] = np.nan
    part[:, 5] = np.nan
    found = quantiles(part, (0.1, 0.25, 0.5, 0.9))
    rest = [h for h in range(24) if h != 5]
    assert np.allclose(found[:, rest], np.nanquantile(part[:, rest], [0.1, 0.25, 0.5, 0.9], axis=0))
    assert np.isnan(found[:, 5]).all()


def test_theil_sen_ignores_an_outlier() -> None:
    x = np.arange(20.0)
    y = 3 + 0.5 * x
    y[4] = 400
    slope, start = theil_sen(x, y)
    assert slope == pytest.approx(0.5)
    assert start == pytest.approx(3)
    assert np.isnan(theil_sen(x[:2], y[:2])[0])


def test_rolling_mean_fills_nothing() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0, np.nan, np.nan, np.nan, 9.0])
    found = rolling_mean(values, 3)
    assert np.isnan(found[[1, 4, 5, 6]]).all()
    assert found[2] == 4.0


def test_daily_energy_needs_half_of_the_readings() -> None:
    kwh = np.full((1, 3, 24), 2.0, np.float32)
    kwh[0, 1, 11:] = np.nan
    kwh[0, 2, 12:] = np.nan
    days = np.datetime64("2013-01-01") + np.arange(3)
    found = daily_energy(LoadProfiles(np.array(["m"]), days, kwh, 60), 0)
    assert found[0] == 48
    assert np.isnan(found[1])
    assert found[2] == 48


def test_hourly_power_is_kw_at_any_step() -> None:
    for step in (15, 30, 60):
        profiles = cube("constant", step)
        assert np.allclose(hourly_power(profiles, 0), 0.25 * 60 / step)


def test_the_peers_course_takes_the_meters_level() -> None:
    days = np.datetime64("2013-01-01") + np.arange(60)
    kwh = np.full((1, 60, 24), 1.0, np.float32)
    kwh[0, 40:] = 0.4
    profiles = LoadProfiles(np.array(["m"]), days, kwh, 60)
    marks = Marks(onset=np.datetime64("2013-02-10T00:00"))
    figure = daily_total(profiles, 0, marks, np.full((60, 8), 7.0), (288.0, 250.0, 330.0))
    course = next(line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    assert np.allclose(np.asarray(course.get_ydata(), dtype=float), 24.0)
    assert "288 kWh (80 %: 250 to 330 kWh)" in figure.axes[0].get_title(loc="right")
    too_few = daily_total(profiles, 0, marks, np.full((60, 8), np.nan), (288.0, 250.0, 330.0))
    assert too_few.axes[0].get_title(loc="right") == ""


def test_a_long_cube_is_cut_to_the_meters_own_years() -> None:
    profiles = cube("ordinary", 60, 3000)
    kwh = profiles.kwh.copy()
    kwh[0, :1000] = np.nan
    kwh[0, 2000:] = np.nan
    view = in_view(profiles.with_kwh(kwh), 0)
    assert 900 < view.start < 1000
    assert 2000 < view.stop < 2100
    assert in_view(cube("stops"), 0) == slice(0, 58)


def test_before_and_after_leave_the_broken_day_out() -> None:
    days = np.datetime64("2013-02-08") + np.arange(5)
    assert ONSET.before(days).tolist() == [True, True, False, False, False]
    assert ONSET.after(days).tolist() == [False, False, False, True, True]
    assert ENDED.after(days).tolist() == [False, False, True, True, False]
    assert Marks().before(days).all()
    assert not Marks().after(days).any()


def test_windows_of_the_evidence() -> None:
    def said(first: str, last: str) -> Evidence:
        return Evidence("fraud.x", "s", "q", 1.0, 1.0, "1", first, last)

    found = windows(
        [said("", ""), said("2013-02-01", "2013-02-03"), said("2013-02-01T10:30", "2013-02-01T11:00")]
    )
    assert [number for number, _, _ in found] == [2, 3]
    assert found[0][2] == np.datetime64("2013-02-04T00:00"), "a last day counts to its end"
    assert found[1][2] == np.datetime64("2013-02-01T11:00")
    assert windows([said("soon", "later")]) == ()


def test_the_onset_is_named_once_when_the_end_is_near() -> None:
    texts = [t.get_text() for t in day_hour_heatmap(cube("ordinary"), 0, ENDED).axes[0].texts]
    assert texts == ["onset 10 Feb 2013, end 12 Feb 2013"]


def test_words() -> None:
    assert written(np.datetime64("2013-05-03T14:30"), time=True) == "3 May 2013 14:30"
    assert written(np.datetime64("2013-05-03T00:00"), time=True) == "3 May 2013"
    assert written(NAT) == ""
    assert np.isnat(moment("not a date"))
    assert [signed(v) for v in (3.2, -0.2, -7.7)] == ["+3", "0", "\N{MINUS SIGN}8"]
    assert printable("a\u7535$\n") == "a□$□"
    assert printable("x" * 30, 10) == "xxxxxxxxx…"


def test_cause_bars() -> None:
    said = [
        Evidence("fraud.drop", "s", "q", 1, 1, "1", strength=0.4),
        Evidence("fraud.cap", "s", "q", 1, 1, "1", strength=0.8),
    ]
    strengths = strongest(said)
    assert strengths[list(CAUSES).index("fraud")] == 0.8
    assert np.isnan(strengths[:5]).all()
    figure = cause_bars(np.array([0.1, 0.2, 0.1, 0.05, 0.05, 0.5]), strengths)
    pixels(figure)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()][-1] == "fraud"
    assert axes.patches[-1].get_width() == pytest.approx(50)
    assert axes.texts[-1].get_text() == "50 %"
    assert axes.texts[-1].get_color() == INK
