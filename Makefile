# Everything after `make install` needs no network.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: install tryton demo starter test soak check clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@# The CPU build first; where that index cannot be reached, the default one serves.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch --index-url $(TORCH_INDEX) --retries 1 --timeout 10 \
		|| $(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/nightschool artefacts fetch --into-environment --prepare
	touch $@

install: $(VENV)/.installed

$(VENV)/.tryton: $(VENV)/.installed tools/erp/tryton/requirements.txt tools/erp/tryton/demo.py
	$(BIN)/nightschool erp install tryton --into-environment --prepare
	touch $@

# A real ERP to test against, in an environment of its own: fetched once, its demo company set up.
tryton: $(VENV)/.tryton

demo: install
	$(BIN)/nightschool demo

starter: install
	$(BIN)/nightschool starter $(if $(FULL),--full)

test: install tryton
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu"

soak: install tryton
	$(BIN)/python -m pytest -m slow --resume

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .demo .starter .starter-full .mypy_cache .ruff_cache .pytest_cache .hypothesis
