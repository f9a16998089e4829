from __future__ import annotations

import math
import os
from functools import partial
from importlib.util import find_spec

import pytest

from loadprofile.engines.dask import DaskEngine
from loadprofile.engines.local import Engine, LocalEngine, ProcessEngine


def square(x: int) -> int:
    return x * x


ENGINES = [
    pytest.param(LocalEngine(), id="loop"),
    pytest.param(LocalEngine(3), id="threads"),
    pytest.param(DaskEngine(), id="dask"),
]
if find_spec("pyspark"):  # an extra of its own that also needs Java: not among the packages of the tests
    from loadprofile.engines.spark import SparkEngine

    ENGINES.append(pytest.param(SparkEngine(), id="spark"))


@pytest.mark.parametrize("engine", ENGINES)
def test_results_keep_the_order_of_the_batches(engine: Engine) -> None:
    assert engine.map(square, range(20)) == [x * x for x in range(20)]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_batches_no_results(engine: Engine) -> None:
    assert engine.map(square, []) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_in_a_batch_is_not_swallowed(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        engine.map(lambda x: 1 // x, [1, 0])


def test_processes_keep_the_order_and_their_own_memory() -> None:
    engine = ProcessEngine(2)
    try:
        assert engine.map(math.factorial, range(9)) == [math.factorial(k) for k in range(9)]
        assert str(os.getpid()) not in engine.map(os.readlink, ["/proc/self"] * 4)
        with pytest.raises(ZeroDivisionError):
            engine.map(partial(divmod, 1), [1, 0])
    finally:
        engine.close()
    assert ProcessEngine(1).map(square, [3]) == [9]
