# The README's commands. Needs Python 3.11 or newer with its venv module, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOME_DIR := $(or $(CLAUSE16_HOME),data)
# The locks are complete: nothing is resolved.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps

.PHONY: release test soak lint benchmark clean

# The main job. Where no source is named, on a demo bank made for it.
release: $(VENV)/.runtime
ifndef CLAUSE16_SOURCE
	@test -e $(HOME_DIR)/registry/objections.sqlite || $(BIN)/clause16 init --home $(HOME_DIR)
	@test -e $(HOME_DIR)/demo/bank.duckdb || $(BIN)/clause16 demo --home $(HOME_DIR) --customers 50000
endif
	@$(BIN)/clause16 release --home $(HOME_DIR)

# On two cores; the quick ones first.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadscope --no-loadscope-reorder

# What is long: every kill moment, big sizes.
soak: $(VENV)/.dev
	$(BIN)/python -m pytest -m soak

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: $(VENV)/.dev
	$(BIN)/python benchmarks/release.py
	$(BIN)/python benchmarks/demo.py
	$(BIN)/python benchmarks/postgres.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/magnitude.py
	$(BIN)/python benchmarks/text.py
	$(BIN)/python benchmarks/gate.py
	$(BIN)/python benchmarks/draft.py

$(BIN)/python:
	@echo "making $(VENV) (once, a few minutes)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(BIN)/python
	@echo "installing what a release needs"
	@$(INSTALL) --require-hashes -r requirements/runtime.lock
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock requirements/oldest-reader.lock $(VENV)/.runtime
	@echo "installing what the tests need"
	@$(INSTALL) --require-hashes -r requirements/dev.lock
	@$(INSTALL) --require-hashes --target $(VENV)/oldest-reader --upgrade -r requirements/oldest-reader.lock
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
