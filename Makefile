# What this repository can do; `make` alone lists it.

VENV := .venv
PY := $(VENV)/bin/python
LITE := $(VENV)-lite
OTHERS := $(LITE)/ready-lite $(VENV)-nbgrader/ready $(VENV)-otter/ready
PORT ?= 8888
ARGS ?=

# The matrices of a mixed model are small: one BLAS thread is the fastest number of threads.
OMP_NUM_THREADS ?= 1
OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS OPENBLAS_NUM_THREADS

.DEFAULT_GOAL := help
.PHONY: help explore test notebooks docs site lite bench binder clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s  %s\n", $$1, $$2 }' Makefile
	@echo "Options: PORT=8890 and ARGS='--ip=0.0.0.0' (explore), ARGS='-k formula' (test, for pytest)."

explore: $(VENV)/ready-lab ## open JupyterLab on notebooks/explore.ipynb, the explorer on school data
	@exec scripts/explore.sh $(PY) --port=$(PORT) $(ARGS)

test: $(VENV)/ready-test ## check style and types and run all tests, those in a real browser included
	@scripts/system_package.sh chromium || echo "The browser tests will be skipped."
	@command -v npm >/dev/null || scripts/system_package.sh npm || echo "The site will not be tested."
	@$(MAKE) --no-print-directory --keep-going -j2 $(OTHERS) >/dev/null || \
		echo "The tests of JupyterLite, nbgrader or otter-grader will be skipped: see above."
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest $(ARGS)

notebooks: $(VENV)/ready-test ## run the lecture's notebooks and store their outputs (ARGS="03 07" for some of them)
	$(PY) scripts/run_notebooks.py $(ARGS)

docs: $(VENV)/ready-docs ## make the documentation: docs/index.html, with a reference from the docstrings
	$(PY) -m scripts.make_docs

site: $(VENV)/ready-docs ## make the static site of notebooks and documentation: site/index.html
	@command -v npm >/dev/null || scripts/system_package.sh npm
	$(PY) -m scripts.make_site $(ARGS)

lite: $(LITE)/ready-lite ## make the JupyterLite site: lite/index.html, the notebooks with Python in the browser
	@command -v npm >/dev/null || scripts/system_package.sh npm
	$(LITE)/bin/python -m scripts.make_lite $(ARGS)

bench: $(VENV)/ready-benchmark ## measure speed against lme4, mixedlm and statsmodels, scaling, and clicks to pixels
	@scripts/system_package.sh lme4
	@scripts/system_package.sh openblas || echo "lme4 will use the linear algebra that R has."
	@scripts/system_package.sh chromium || echo "Clicks to pixels will not be measured."
	@failed=0; for part in run scaling grading_speed browser_latency browser_drag; do \
		echo "== benchmarks/$$part.py"; $(PY) benchmarks/$$part.py || failed=1; \
	done; exit $$failed

binder: $(VENV)/ready-test ## build what Binder builds in a clean home and run the first notebook in it
	@scripts/system_package.sh chromium
	$(PY) scripts/replay_binder.py

clean: ## remove the environment and everything built or cached
	rm -rf $(VENV) $(LITE) $(VENV)-nbgrader $(VENV)-otter build dist site lite docs/*.html docs/reference docs/katex .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/_artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/ready-%: pyproject.toml scripts/environment.sh
	@scripts/environment.sh $(VENV) $*
	@touch $@

$(LITE)/ready-lite: pyproject.toml scripts/environment.sh
	@scripts/environment.sh $(LITE) lite
	@touch $@

$(VENV)-%/ready: pyproject.toml scripts/environment.sh
	@scripts/environment.sh $(VENV)-$* $*
	@touch $@
