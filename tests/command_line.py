"""The command line as a test runs it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from api.cli import main


def screened(monkeypatch: pytest.MonkeyPatch, out: Path, *words: object) -> pd.DataFrame:
    """Run ``loadprofile screen`` in this process and read the worklist it wrote."""
    monkeypatch.setattr("sys.argv", ["loadprofile", "screen", *map(str, words), "--out", str(out), "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return pd.read_csv(out, dtype={"meter_id": str}, keep_default_na=False)


def exit_of(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run a command in this process; its exit code."""
    monkeypatch.setattr("sys.argv", ["loadprofile", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
