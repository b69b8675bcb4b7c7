# make quickstart   install into .venv and run the whole method on a small model, offline, on a CPU
# make test         install the test tools too, then lint, types and every test
# make check        all that, and the documentation
# make faults       kill runs, fill disks, damage files: ten minutes and more
# make coverage     every test again, and the share of branches that they take
# make fuzz         try many thousands of inputs of all kinds
# make studies      run every study in docs/examples/studies, what they share once: hours of two cores
# make wheels       build wheel and sdist, and use them in empty environments, as a stranger would
# make lowest       every test again, with the lowest versions that are allowed
PYTHON ?= python3
BIN := .venv/bin
# lm-eval gets a copy of tasks/ at installation, so a changed task is installed again.
SOURCES := pyproject.toml $(shell find tasks -type f -not -path '*/__pycache__/*')

# pytest-xdist 3.8 hangs when it replaces a worker that died: a death ends the run.
WORKERS := -n 2 --dist loadfile --max-worker-restart 0

.PHONY: quickstart studies test check lint docs coverage faults fuzz wheels lowest format clean

quickstart: .venv/installed
	$(BIN)/politune run quickstart

# With one thread a process: sums are then added in the same order, and give the same bytes.
studies: .venv/installed
	set -e; export OMP_NUM_THREADS=1; \
	$(BIN)/politune run quickstart --until train --out results/transfer-base --set 'seeds=[8]' \
		--set 'trainer={use: lora, objective: sft, adapter: full, learning_rate: 2.0e-4, epochs: 2, batch_size: 16}'; \
	for study in docs/examples/studies/*.yaml; do \
		$(BIN)/politune study run "$$study" \
			--out "results/studies/$$(basename "$$study" .yaml)" --store build/studies; \
	done; \
	$(BIN)/politune run quickstart --until train --out results/monitored --store build/studies \
		--set 'seeds=[3]'; \
	$(BIN)/python -m pip install --quiet 'lm-eval[api]'; \
	$(BIN)/python docs/examples/studies/monitoring.py results/studies/monitoring \
		results/monitored/4-train/left/seed-3/adapter

test: lint
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest $(WORKERS)

check: test docs

lint: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml politune_harness plugins tasks

coverage: .venv/installed-test
	rm -f .coverage .coverage.*
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m coverage run -m pytest -q $(WORKERS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage json --quiet -o .coverage.json
	$(BIN)/python -m tests.branches .coverage.json

faults: .venv/installed-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -s tests/faults

fuzz: .venv/installed-test
	OMP_NUM_THREADS=1 POLITUNE_FUZZ=2000 $(BIN)/python -m pytest tests/test_fuzz.py

wheels: .venv/installed-test
	$(BIN)/python -m tests.wheels

lowest:
	$(PYTHON) -m venv --clear build/lowest
	build/lowest/bin/python -m pip install --quiet --editable '.[test]' --constraint constraints/lowest.txt
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false build/lowest/bin/python -m pytest $(WORKERS)

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

format: .venv/installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PoliTune Harness needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-test: .venv/installed constraints/tools.txt
	$(BIN)/python -m pip install --quiet --editable '.[test,trl,ray]' --constraint constraints/tools.txt
	touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
