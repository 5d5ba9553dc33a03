# Two commands set everything up on a fresh machine: `make serve` and `make test`.
# PYTHON picks the interpreter (3.11 or newer); PORT the address that `make serve` asks for. TORCH_INDEX, which
# tools/torch_cpu.py reads, is where Linux takes the CPU build of torch from; empty, torch comes from PyPI with CUDA.

PYTHON ?= python3
PORT   ?= 5006
VENV   := .venv
BIN    := $(VENV)/bin
FRONTEND := covstudio/studio/frontend
PIP    := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=
# Tests run side by side in this many processes, each with one thread, one server and one browser.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# Tests start a hundred processes: what one has compiled the next need not compile again, whatever the shell was told.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help serve test test-firefox test-portable test-long bench soak lint format typecheck browser frontend notebooks pictures docs dist clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("covstudio needs Python 3.11 or newer, and this is %s: run make with PYTHON=python3.11, say" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# A stamp per set of packages: a second `make serve` starts at once, and a changed pyproject installs again.
$(VENV)/.app: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python tools/torch_cpu.py
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt $(VENV)/.app
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/.lint: pyproject.toml constraints.txt $(VENV)/.test
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,lint]'
	@touch $@

$(VENV)/.release: pyproject.toml constraints.txt $(VENV)/.app
	$(PIP) install --quiet --constraint constraints.txt --editable '.[release]'
	@touch $@

serve: $(VENV)/.app  ## Build the environment, start the app and print its address
	$(BIN)/python -m covstudio serve --port $(PORT)

browser: | $(BIN)/python
	@$(BIN)/python tools/browsers.py chromium

test: $(VENV)/.test browser $(FRONTEND)/node_modules/.installed  ## Run every test, the app in a real Chromium included
	$(BIN)/python tools/node.py test --silent
	$(PYTEST) $(PYTEST_ARGS)

test-firefox: $(VENV)/.test $(FRONTEND)/node_modules/.installed  ## Run the story of the app in a real Firefox
	@$(BIN)/python tools/browsers.py firefox
	$(BIN)/python -m pytest -m firefox tests/studio

test-portable: test-firefox  ## Run the story in Firefox, and the library's tests as other processors would, in one thread and in two
	$(BIN)/python tools/portable.py --workers $(WORKERS) $(PYTEST_ARGS)

test-long: $(VENV)/.test browser  ## Run the long simulations and soak tests, as before a release
	$(PYTEST) -m long $(PYTEST_ARGS)

bench: $(VENV)/.test browser  ## Measure speed: ratios against floors and budgets of the same run
	$(BIN)/python -m benchmarks

# Not among the tests: it takes its time. python -m benchmarks.soak --help has what can be shorter.
soak: $(VENV)/.test  ## Ten minutes of a class of thirty: a worker killed, the server restarted, sessions coming and going
	$(BIN)/python -m benchmarks.soak

# The page's script is written in TypeScript and committed as one bundle: who installs or serves covstudio needs no Node.
$(FRONTEND)/node_modules/.installed: $(FRONTEND)/package-lock.json $(VENV)/.test
	$(BIN)/python tools/node.py ci --no-audit --no-fund --loglevel error
	@touch $@

frontend: $(FRONTEND)/node_modules/.installed  ## Make the page's types and its bundle from their sources
	$(BIN)/python tools/frontend_messages.py
	$(BIN)/python tools/node.py run --silent types
	$(BIN)/python tools/node.py run --silent build

lint: $(VENV)/.lint $(FRONTEND)/node_modules/.installed  ## Check style (ruff, Biome), types (mypy, tsc) and that the bundle is the sources'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/frontend_messages.py --check
	$(BIN)/python tools/node.py run --silent check
	$(BIN)/python tools/node.py run --silent build -- --check

format: $(VENV)/.lint  ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(VENV)/.test  ## Execute the notebooks in place, so that their outputs are true
	$(BIN)/python tools/execute_notebooks.py

pictures: $(VENV)/.test browser  ## Take the pictures of the README anew, and those of every area to be looked at (build/pictures)
	$(BIN)/python tools/pictures.py
	$(BIN)/python tools/screens.py

docs: $(VENV)/.app  ## Write docs/catalogue from the declarations, the counts in all pages, the list of settings and the pictures of pages
	$(BIN)/python tools/catalogue_pages.py
	$(BIN)/python tools/counts.py
	$(BIN)/python tools/settings_page.py
	$(BIN)/python tools/docs_pictures.py

dist: $(VENV)/.release  ## Build the wheel and the source distribution, and check what is in them
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python tools/check_distributions.py

clean:  ## Remove the environment and every cache
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
