# make demo   a fresh machine -> a running package
# make test   a fresh machine -> green tests
# Both may be repeated at no cost.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests mount, make users and start a Docker Engine of their own.
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo env "PATH=$$PATH") PYTHONDONTWRITEBYTECODE=1
PYTEST := $(AS_ROOT) $(BIN)/pytest -p no:cacheprovider
SOURCES := $(shell find olos olos_build measure pack olos_cli runtime -name '*.py' -o -name '*.[chS]' -o -name 'meson.build' -o -name '*.ld' -o -name '*.map' -o -name '*.pc') \
	pyproject.toml meson.build README.md LICENSE

# The installed olos is measured, not the one in the source tree beside bench/.
BENCH := 'import runpy, sys; sys.path += [".", "tests"]; runpy.run_module("bench", run_name="__main__", alter_sys=True)'

.PHONY: demo test test-long lint bench dev dev-clean clean

demo: $(VENV)/.installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo

test: $(VENV)/.installed-dev
	scripts/install-packages test
	$(PYTEST) -m 'not long' -n auto --dist loadfile

test-long: $(VENV)/.installed-dev
	scripts/install-packages kernel
	$(PYTEST) -m long

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	scripts/install-packages kernel
	PYTHONSAFEPATH=1 $(BIN)/python -c $(BENCH) $(CLAIMS)

$(BIN)/python:
	scripts/install-packages build
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "olos needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	scripts/install-packages build
	$(BIN)/pip install --quiet --disable-pip-version-check .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check '.[dev]'
	touch $@

# The compiled parts inside the source tree, to work on olos without installing it; needs meson and ninja.
dev:
	meson setup --reconfigure build/dev >/dev/null
	ninja --quiet -C build/dev
	mkdir -p olos/_bin
	cd build/dev/runtime && install -m 755 launcher target-linux init $(CURDIR)/olos/_bin/ && install -m 755 _hashcore.*.so $(CURDIR)/olos/
	cd build/dev/runtime/libolos && install -D -m 644 -t $(CURDIR)/olos/_sdk/lib libolos.a libolos.so.1
	install -D -m 644 -t olos/_sdk/include/olos runtime/include/olos/olos.h runtime/include/olos/tee.h
	install -D -m 644 -t olos/_sdk/lib/pkgconfig runtime/libolos/olos.pc
	install -D -m 644 -t olos/_sdk/python runtime/libolos/olos_tee.py

dev-clean:
	rm -rf build/dev olos/_bin olos/_sdk olos/_hashcore*.so

clean:
	rm -rf $(VENV) build
