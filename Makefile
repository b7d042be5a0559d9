# Everything sets itself up: `make up` runs the example application, `make test` passes the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
APP ?= examples/car-store
WORKERS ?= 2

.PHONY: up test lint check bench tools lock clean

up: $(READY)  ## start Ballroom, deploy an example, serve it until Ctrl-C (APP=examples/hello for another)
	$(BIN)/ballroom up $(APP)

test: $(READY)  ## the whole suite
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

lint: $(READY)  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

tools: .tools/.ready  ## SAM CLI, CDK and osls, for the tests that deploy with them (need Node.js)

.tools/.ready: $(READY)
	$(PYTHON) -m venv .tools/sam
	.tools/sam/bin/python -m pip install --quiet --disable-pip-version-check 'aws-sam-cli>=1.150'
	npm install --prefix .tools --no-save --no-package-lock --no-audit --no-fund --loglevel=error \
	    aws-cdk@2 aws-cdk-lib@2 constructs@10 osls@4 @aws-sdk/client-s3@3
	@touch $@

bench: $(READY)  ## the benchmarks behind the README's figures
	$(BIN)/python -m benchmarks

lock: $(READY)  ## pin the newest releases that fit
	$(BIN)/uv pip compile -q pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
	    --no-header --upgrade -o requirements/dev.lock
	$(BIN)/uv pip compile -q pyproject.toml --generate-hashes --universal --python-version 3.11 \
	    --no-header --upgrade -o requirements/runtime.lock

clean:
	rm -rf $(VENV) .tools

# installed anew when what is installed changes; the source itself is used in place
$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ballroom needs Python 3.11 or newer; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q src  # so that the first start is as quick as any other
	@touch $@
