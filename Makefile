# Needs only python3 (3.11 or newer), make and the package index. `make help` lists the targets.

PROFILE = quick
DATA = auto
SEED =
EPOCHS =
CODE =
PYTHON = python3
PIP_ARGS =
EXTRAS = dev
NAME =
EXCLUDE =
WORKERS = 2

BIN = .venv/bin
READY = .venv/ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report figures study test bench lab lint format clean

help:
	@echo "make report   execute the six notebooks; write build/report.html and build/report.pdf"
	@echo "make figures  the same, and publish its figures in figures/"
	@echo "make study    run a study: NAME=headline WORKERS=2; records in results/; EXCLUDE=path leaves"
	@echo "              out the reviews that stand there"
	@echo "make test     run the tests"
	@echo "make bench    measure the goals of speed; write build/bench.json"
	@echo "make lab      open the notebooks in JupyterLab"
	@echo "make lint     check style and types"
	@echo "make format   put code and notebooks into the project's style"
	@echo "make clean    remove build/, caches and .venv; recorded runs stay"
	@echo
	@echo "Variables of report, as in: make report PROFILE=source DATA=path/to/reviews.csv"
	@echo "  PROFILE   smoke, quick or source ($(PROFILE))"
	@echo "  DATA      auto, built-in, or a file or folder of reviews ($(DATA))"
	@echo "  SEED      seed of weights, dropout and batches (the profile's own)"
	@echo "  EPOCHS    epochs of training (the profile's own)"
	@echo "  CODE=1    print the code in the PDF too"
	@echo "Variables of every target:"
	@echo "  PYTHON    the interpreter that .venv is made with ($(PYTHON))"
	@echo "  PIP_ARGS  further arguments of pip install, for instance an index of CPU builds"
	@echo "  EXTRAS    extras to install ($(EXTRAS)); dev,cluster brings Ray, dev,bench Keras"
	@echo "  WORKERS   processes of test and study ($(WORKERS))"

# Exists only when the installation succeeded, and is renewed when what it depends on changes.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1 | head -n 1): install a newer" \
	       "one and name it, as in: make PYTHON=python3.12 ..." >&2; exit 2; }
	@rm -f $@
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  echo "Making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear .venv; } || { \
	  echo "Expected '$(PYTHON) -m venv' to make .venv, but it failed as shown above: install" \
	       "your system's package for it, such as python3-venv." >&2; exit 2; }
	@echo "Installing the pinned packages into .venv (once, one to a few minutes)"
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) \
	  --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

report: $(READY)
	@$(BIN)/lstm-report build --profile '$(PROFILE)' --data '$(DATA)' \
	  $(if $(SEED),--seed '$(SEED)') $(if $(EPOCHS),--epochs '$(EPOCHS)') $(if $(CODE),--code)

# The published figures are those of a build, of the profile that it was made with.
figures: report
	cp build/figures/*.svg build/figures/*.png figures/

study: $(READY)
	@$(BIN)/lstm-report study '$(NAME)' --workers '$(WORKERS)' \
	  $(if $(filter auto,$(DATA)),,--data '$(DATA)') $(if $(EPOCHS),--epochs '$(EPOCHS)') \
	  $(if $(EXCLUDE),--exclude '$(EXCLUDE)')

# One thread a process: two processes on two cores are quicker than one that shares its products.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

lab: $(READY)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/jupyter lab notebooks

# A notebook uses a name again for another thing, and the types of pandas and torch know too little
# of what a cell or a parameter holds.
NOTEBOOK_TYPES = --allow-redefinition-new --local-partial-types \
  --disable-error-code operator --disable-error-code call-overload

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf build/scripts
	$(BIN)/jupyter nbconvert --log-level WARN --to python --output-dir build/scripts notebooks/*.ipynb
	set -e; for script in build/scripts/*.py; do \
	  $(BIN)/mypy $(NOTEBOOK_TYPES) "$$script"; done

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout --keep-id notebooks/*.ipynb

clean:
	rm -rf build .cache .venv .pytest_cache .hypothesis .mypy_cache .ruff_cache *.egg-info
