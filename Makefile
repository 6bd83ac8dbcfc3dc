# Everything runs inside .venv, which these targets make: a fresh clone needs nothing but Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
export MPLBACKEND := Agg

.PHONY: demo test check docs install clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ifp needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version); name another one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch numpy
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The main job on real 64x64 dSprites images: annealing test, figures, plan, DEFT, findings, report.
demo: install
	$(BIN)/ifp anneal --dataset dsprites
	$(BIN)/ifp plot-distributions
	$(BIN)/ifp plot-curves
	$(BIN)/ifp plan-stages | $(BIN)/ifp train --plan - --dataset dsprites --steps 300
	$(BIN)/ifp diagnose
	$(BIN)/ifp report

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --doctest-modules annealing analysis ifp
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=600 notebooks

# The site in build/docs/index.html; a warning, a broken link or a name that is not documented is an error.
docs: .venv/docs
	$(BIN)/python -m sphinx -W -n --keep-going --quiet docs build/docs

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
