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
LANGUAGE = en
WORKERS = 2
MUTANTS = 200

BIN = .venv/bin
READY = .venv/ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report figures study test mutants bench catalogue lab lint format clean

help:
	@echo "make report   execute the notebooks; write build/report.html and build/report.pdf"
	@echo "make figures  the same, and publish its figures in figures/"
	@echo "make study    run a study: NAME=headline WORKERS=2; records in results/; EXCLUDE=path leaves"
	@echo "              out the reviews that stand there"
	@echo "make test     run the tests"
	@echo "make mutants  change the code in $(MUTANTS) places, print the changes that no test notices"
	@echo "make bench    measure the goals of speed; write build/bench.json"
	@echo "make catalogue  collect what a translation of the report has to translate"
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
	@echo "  LANGUAGE  en, or zh for the Chinese edition in build/zh/; of lab too ($(LANGUAGE))"
	@echo "Variables of every target:"
	@echo "  PYTHON    the interpreter that .venv is made with ($(PYTHON))"
	@echo "  PIP_ARGS  further arguments of pip install, for instance an index of CPU builds"
	@echo "  EXTRAS    extras to install ($(EXTRAS)); dev,cluster brings Ray, dev,bench Keras,"
	@echo "            dev,mutants mutmut"
	@echo "  WORKERS   processes of test, study and mutants ($(WORKERS))"

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
	  $(if $(SEED),--seed '$(SEED)') $(if $(EPOCHS),--epochs '$(EPOCHS)') $(if $(CODE),--code) --language '$(LANGUAGE)'

# The published figures are those of a build, and no others.
figures: report
	rm -f figures/*.svg figures/*.png
	cd build/figures && cp $$(cat made.txt) ../../figures/

study: $(READY)
	@$(BIN)/lstm-report study '$(NAME)' --workers '$(WORKERS)' \
	  $(if $(filter auto,$(DATA)),,--data '$(DATA)') $(if $(EPOCHS),--epochs '$(EPOCHS)') \
	  $(if $(EXCLUDE),--exclude '$(EXCLUDE)')

# One thread a process: two processes on two cores are quicker than one that shares its products.
test: $(READY)
	OMP_NUM_THREADS=1 PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests

mutants: $(READY)
	$(BIN)/python .ci/mutants.py --count $(MUTANTS) --workers $(WORKERS)

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

# Brings the catalogues of translations up to date with what the notebooks and the code show.
catalogue: $(READY)
	$(BIN)/python .ci/catalogue.py

lab: $(READY)
ifneq ($(LANGUAGE),en)
	$(BIN)/lstm-report notebooks --language '$(LANGUAGE)'
endif
	OMP_WAIT_POLICY=PASSIVE $(BIN)/jupyter lab \
	  $(if $(filter en,$(LANGUAGE)),notebooks,'build/$(LANGUAGE)/notebooks')

# A notebook uses a name again for another thing, and the types of pandas and torch know too little
# of what a cell or a parameter holds.
NOTEBOOK_TYPES = --allow-redefinition-new --local-partial-types \
  --disable-error-code operator --disable-error-code call-overload

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/oxlint --deny-warnings lstm_report/report/page
	$(BIN)/python .ci/catalogue.py --check
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
