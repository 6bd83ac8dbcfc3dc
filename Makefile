# Everything runs inside .venv, which these targets make: a fresh clone needs nothing but Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help demo test check docs notebooks bench coverage dist install clean

help:  ## what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 12

install: .venv/installed  ## .venv with the versions of constraints.txt; every other target makes it first

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ifp needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version); name another one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch numpy
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# At half the size of dSprites and a quarter of the steps, so that it ends within minutes: positions and scale get a latent
# each. Without -32 and --steps the same commands do the job in full.
demo: install  ## the main job on dSprites at 32x32: annealing test, figures, plan, DEFT, findings, report
	@printf '\n== 1. Anneal: where does each factor freeze? Small networks, heated and cooled.\n'
	$(BIN)/ifp anneal --dataset dsprites-32
	@printf '\n== 2. Conclude: which factors can pressure tell apart, and what will spread?\n'
	$(BIN)/ifp diagnose
	@printf '\n== 3. Look: the distributions of freezing points, and the curves behind them.\n'
	$(BIN)/ifp plot-distributions
	$(BIN)/ifp plot-curves
	@printf '\n== 4. Plan and train: a stage for each group of factors, then DEFT on them, with a quarter of the usual steps.\n'
	$(BIN)/ifp plan-stages | $(BIN)/ifp train --plan - --dataset dsprites-32 --steps 1500
	@printf '\n== 5. Report: the trained run on one page.\n'
	$(BIN)/ifp report

test: install  ## the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: install  ## lint, types, the direction of imports, doctests, notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python .ci/strip_notebooks.py --check notebooks/*.ipynb
	$(BIN)/python -m pytest --doctest-modules annealing analysis ifp

docs: .venv/docs  ## the site in build/docs/index.html; a warning or a broken link is an error
	$(BIN)/python -m sphinx -W -n --keep-going --quiet docs build/docs

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@

notebooks: install  ## executes every notebook, two at a time
	$(BIN)/python -m pytest -n 2 --dist worksteal --nbmake --nbmake-timeout=900 notebooks

# Those of the benchmarks that take seconds or a few minutes; benchmarks/README.md has all.
bench: install  ## the quick benchmarks
	@for each in "dsprites_speed" "ceilings" "gallery 10" "shuffled_pixels 1" "scores"; do \
		printf '\n'; sed -n '1s/"""//p' "benchmarks/$${each%% *}.py"; echo "python -m benchmarks.$$each"; \
		$(BIN)/python -m benchmarks.$$each || exit; \
	done

coverage: install  ## the tests once more, with the lines and branches they reach; pages in build/coverage
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term --cov-report=html

dist: install  ## the wheel and the source archive, into dist
	rm -rf build/lib dist
	$(BIN)/python -c 'import setuptools.build_meta as build; build.build_wheel("dist"); build.build_sdist("dist")'

clean:  ## removes .venv and all that was made
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage*
