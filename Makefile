# The two commands of the README are `make demo` and `make test`; each sets everything up first.
# uv is used when it is there; otherwise venv and pip. Nothing but Python 3.11+ and make is needed.
# Packages are compiled as pip does it: where Python may write no bytecode (PYTHONDONTWRITEBYTECODE) each
# start would else compile pandas and scikit-learn anew, 5 of 7.6 seconds of the service's.

PYTHON ?= python3
BIN := .venv/bin
SHARED ?= $(or $(LOADPROFILE_SHARED_DATA),../shared/data)
export LOADPROFILE_SHARED_DATA := $(SHARED)
# The kernels are compiled for one core each; BLAS threads beside them only stall.
export OMP_NUM_THREADS ?= 1

.PHONY: setup demo test check shape format lock model benchmarks soak clean

setup: .venv/.ready

.venv/.ready: pyproject.toml requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python '>=3.11' .venv && \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps -e . ; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . ; \
	fi
	@$(BIN)/python -m api.warm_up
	@touch $@

demo: setup
	$(BIN)/loadprofile demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_shape.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every dependency of the program and of its tests, pinned with hashes, for every platform.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --extra service --extra boost --extra dask --extra dev \
		pyproject.toml -o requirements.lock

# Rebuilds the packaged default model from the data sets that may train it.
model: setup
	$(BIN)/python -m api.default_model --data $(SHARED) --out loadprofile/models/default.lpm

# The peers are an extra of their own: uv pip install -e '.[bench]' first.
benchmarks: setup
	$(BIN)/python tests/benchmarks/reading.py
	$(BIN)/python tests/benchmarks/features.py

# What takes minutes: many at once on both databases, kill -9 at random moments, many drawn requests.
soak: setup
	$(BIN)/python tests/soak/together.py --seconds 60
	$(BIN)/python tests/soak/killing.py --times 20
	LOADPROFILE_ROUNDS=60 $(BIN)/python -m pytest -q tests/api/http/test_openapi.py tests/api/http/test_bombs.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
