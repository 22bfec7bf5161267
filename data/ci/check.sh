#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Checks a patch series in acceptlab's container and leaves the result in all forms, for continuous integration:
#
#     check.sh [OPTION]... A..B|MBOX	options of `acceptlab series check`; MBOX lies below the tree
#
# Environment:
#     ACCEPTLAB_TREE     the kernel tree; default: the current folder
#     ACCEPTLAB_REPORT   folder for check.txt, check.json, check.xml (JUnit) and check.ktap; default: acceptlab-report
#     ACCEPTLAB_CACHE    folder that is kept between runs: sources, objects, kernels; default: ~/.cache/acceptlab-ci
#     ACCEPTLAB_IMAGE    image; default: acceptlab
#
# Prints KTAP, and adds the text to the summary of a GitHub job. Exits with the code of `acceptlab series check`.
set -eu

tree=$(realpath "${ACCEPTLAB_TREE:-.}")
mkdir -p "${ACCEPTLAB_REPORT:-acceptlab-report}"
report=$(realpath "${ACCEPTLAB_REPORT:-acceptlab-report}")
cache=${ACCEPTLAB_CACHE:-$HOME/.cache/acceptlab-ci}
inside=/root/.cache/acceptlab
case $cache in *[[:space:]]*)
	echo "check.sh: ACCEPTLAB_CACHE must not have a blank in it: $cache" >&2
	exit 2
	;;
esac

# The emulator and the Python environment stay those of the image.
volumes=
for folder in apt-kernels ccache checks kernels objects symbols trees; do
	mkdir -p "$cache/$folder"
	volumes="$volumes --volume $cache/$folder:$inside/$folder"
done

check() {
	# shellcheck disable=SC2086 # a list of words is meant; the cache's path has no blank
	docker run --rm --workdir /linux --volume "$tree:/linux:ro" --volume "$report:/report" $volumes \
		"${ACCEPTLAB_IMAGE:-acceptlab}" series check --tree /linux "$@" >&2
}

code=0
check "$@" --format json --out /report/check.json || code=$?
case $code in
0 | 1 | 4) ;; # checked: clean, problems, undecided
*) exit $code ;;
esac

# All of it is cached by now: the other forms build and boot nothing.
for form in text:txt junit:xml ktap:ktap; do
	check "$@" --format "${form%:*}" --out "/report/check.${form#*:}" || [ $? -eq $code ]
done
cat "$report/check.ktap"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
	{
		echo '```'
		cat "$report/check.txt"
		echo '```'
	} >>"$GITHUB_STEP_SUMMARY"
fi
exit $code
