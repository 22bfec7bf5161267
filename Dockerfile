# SPDX-License-Identifier: GPL-2.0-only
# acceptlab for any Linux with a container engine: Debian with the packages for runs and series, and the emulator built.
#
#     docker build -t acceptlab .
#     docker run --rm -v "$PWD:/linux" acceptlab series check --tree /linux --range HEAD~2..HEAD
#
# The layers are in order of how seldom they change: a change of Python code alone builds the last one.
ARG BASE=debian:12
FROM ${BASE}
ENV DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1
WORKDIR /acceptlab

# Packages and the Python environment.
COPY setup setup
COPY pyproject.toml ./
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates cpio gcc git make python3 rsync \
    && setup/bootstrap.sh --series

# The emulator: of emulator/, and of the code that builds it (tests/toolkit/test_container.py knows what that is).
COPY emulator emulator
COPY analysis/__init__.py analysis/exit_codes.py analysis/printable.py analysis/version.py analysis/
COPY toolkit/__init__.py toolkit/errors.py toolkit/places.py toolkit/processes.py toolkit/progress.py toolkit/whole_files.py \
     toolkit/whole_folders.py toolkit/full_disk.py toolkit/
COPY toolkit/apt toolkit/apt
COPY toolkit/qemu toolkit/qemu
RUN PYTHONPATH=setup/import "$(setup/bootstrap.sh)/bin/python" -c 'from acceptlab.toolkit.qemu import emulator_build; emulator_build.ensure()'

COPY . .
RUN git config --system --add safe.directory '*'
ENTRYPOINT ["/acceptlab/acceptlab"]
CMD ["--help"]
