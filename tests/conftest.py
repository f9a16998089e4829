"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets (never committed); the test is skipped where it is absent."""
    folder = Path(os.environ.get("LOADPROFILE_SHARED_DATA", ROOT / "../shared/data")).resolve()
    if not (folder / "halfhourly").is_dir():
        pytest.skip("real data absent: set LOADPROFILE_SHARED_DATA to its folder")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator with a fixed seed."""
    return np.random.default_rng(20101231)
