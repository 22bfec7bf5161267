# SPDX-License-Identifier: GPL-2.0-only
# A Debian 12 machine on which `make demo` has run: the emulator is built, the kernel is fetched, two guests were judged.
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git make gcc python3
COPY . /acceptlab
WORKDIR /acceptlab
RUN make demo
ENTRYPOINT ["/acceptlab/acceptlab"]
CMD ["--help"]
