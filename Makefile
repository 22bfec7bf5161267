# SPDX-License-Identifier: GPL-2.0-only
# Every target installs what it lacks: Debian packages as root (else it says which), Python packages into the user's cache.

BOOTSTRAP := setup/bootstrap.sh
JOBS ?= 2
C_SOURCES = $(wildcard emulator/model/*.c)
# The code imports itself as `acceptlab`: setup/import/acceptlab is a link to this checkout.
export PYTHONPATH := $(CURDIR)/setup/import
# Tests start hundreds of Pythons, which must not compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-series setup check test test-long fuzz lint bench wheel clean

demo:
	./acceptlab demo

demo-series:
	./acceptlab series demo

setup:
	./acceptlab setup

# The tests that need neither emulator, root nor Debian: what is worth running after every edit.
check:
	venv=$$($(BOOTSTRAP) --check) && "$$venv/bin/pytest" -q -n $(JOBS) --dist worksteal -m "not (emulator or boots or processes or long)"

test:
	venv=$$($(BOOTSTRAP) --dev) && ./acceptlab setup && "$$venv/bin/pytest" -n $(JOBS) --dist worksteal -m "not long"

test-long:
	venv=$$($(BOOTSTRAP) --dev --long) && ./acceptlab setup && ACCEPTLAB_EXAMPLES=10 "$$venv/bin/pytest" -n $(JOBS) --dist worksteal

# Ten seconds for each reader and each file of a run, a minute for the wire formats; ten minutes each in `test-long`.
fuzz:
	venv=$$($(BOOTSTRAP) --dev) && ACCEPTLAB_FUZZ_SECONDS=10 "$$venv/bin/pytest" -q -n $(JOBS) --dist worksteal -m fuzz

lint:
	venv=$$($(BOOTSTRAP) --dev) && "$$venv/bin/ruff" check . && "$$venv/bin/ruff" format --check . && \
	MYPYPATH=$$PYTHONPATH "$$venv/bin/mypy" -p acceptlab.analysis -p acceptlab.toolkit -p benchmarks && \
	"$$venv/bin/python" -m acceptlab.toolkit.qemu.glue_lint
	for file in $(C_SOURCES); do $(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -c -o /dev/null $$file || exit 1; done
	shellcheck acceptlab setup/bootstrap.sh data/ci/check.sh .ci/run

bench:
	venv=$$($(BOOTSTRAP) --bench) && "$$venv/bin/python" -m benchmarks

wheel:
	venv=$$($(BOOTSTRAP)) && "$$venv/bin/pip" wheel -q --disable-pip-version-check --no-deps -w build/wheel .

clean:
	rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
