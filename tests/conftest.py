"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Compiled loops use one core each; more OpenMP threads beside them only stall on a shared machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

pytest_plugins = ["bills", "cer_layout", "databases", "serving", "small_model", "steg_bills", "town"]


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


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """Passwords of tests are hashed in no time; the hasher of the program, for whoever asks what it costs."""
    from argon2 import PasswordHasher

    from loadprofile.store import logins

    real, nobody = logins.HASHER, logins._NOBODY
    logins.HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    logins._NOBODY = logins.HASHER.hash("nobody has this password")
    yield real
    logins.HASHER, logins._NOBODY = real, nobody


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything must be present (CI), a skipped test is a failed run.

    Only scikit-learn's own check of array-API input may skip itself: we take numpy arrays.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    skipped = [report for report in skipped if "SCIPY_ARRAY_API" not in str(report.longrepr)]
    if os.environ.get("LOADPROFILE_NO_SKIPS") and skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped and LOADPROFILE_NO_SKIPS is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
