from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loadprofile.fleet_worklist import KEYS, leave, listed_together
from loadprofile.verdicts import CAUSES, Evidence, Verdicts
from loadprofile.worklist import ranked_together, worklist


def part(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(6), n)
    p[rng.random(n) < 0.5] = 1 / 6  # many ties
    nat = np.full(n, np.datetime64("NaT", "m"))
    lost = rng.choice([0.0, 10.0, np.nan], n)
    said = Evidence("fraud.drop", 'Use fell, "by" half.', "ratio", 0.5, 1.0, "1")
    verdicts = Verdicts(
        np.array([f"p{seed}-{k}" for k in rng.permutation(n)]), p, 1 - p[:, 0],
        np.array([str(c) for c in CAUSES])[p.argmax(axis=1)], nat, nat, nat, nat, lost, lost, lost,
        np.arange(n) - 1, ("",) * n, ((said,),) * n,
    )  # fmt: skip
    return worklist(verdicts)


@pytest.mark.parametrize("chunk", [7, 1000])
def test_rows_are_those_of_the_parts_ranked_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("loadprofile.fleet_worklist.TOGETHER", 5)
    frames = [part(1, 40), part(2, 1), part(3, 23)]
    expected = ranked_together(frames)
    listed = [leave(frame, tmp_path / f"{at}.worklist") for at, frame in enumerate(frames)]
    found = listed_together(listed)
    rows = pd.concat(list(found.rows(chunk)), ignore_index=True)
    pd.testing.assert_frame_equal(rows, expected, check_column_type=False)
    assert [str(kind) for kind in rows.dtypes] == [str(kind) for kind in expected.dtypes]
    assert found.table["rank"].tolist() == expected["rank"].tolist()
    for name in KEYS:
        assert found.table[name].tolist() == expected[name].tolist()
