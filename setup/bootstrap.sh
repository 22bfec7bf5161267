#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Make this machine able to run acceptlab: Debian packages, then a Python environment in the cache.
#
#     setup/bootstrap.sh [--series] [--dev] [--long] [--bench] [--fleet]
#
# Prints the environment's folder as its only line on stdout; all else goes to stderr. Safe to interrupt and to run again: each
# step leaves its mark only when it is done. Exit 3: this machine lacks something that only its owner can install.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acceptlab
wanted=run
extras=
for argument in "$@"; do
	case $argument in
	--series) wanted="$wanted series" ;;
	--dev) wanted="$wanted series collect test" extras='[dev]' ;;
	--long) wanted="$wanted long" ;;
	--bench) wanted="$wanted bench" ;;
	--fleet) extras=${extras:-[fleet]} ;;
	*) echo "bootstrap: unknown argument '$argument'; it takes --series, --dev, --long, --bench and --fleet" >&2; exit 2 ;;
	esac
done

say() { echo "setup: $*" >&2; }
lacks() { say "$@"; exit 3; }

packages_of() { # the packages of every wanted purpose
	for purpose in $wanted; do
		awk -v purpose="$purpose" '!/^#/ && $2 == purpose { print $1 }' "$here/setup/packages.txt"
	done
}

is_installed() {
	# pkgconf provides pkg-config, and so on: ask for whoever provides the name too.
	dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
		awk -v name="$1" '$1 == "installed" { gsub(/,|\([^)]*\)/, ""); for (i = 2; i <= NF; i++) if ($i == name) found = 1 }
			END { exit !found }'
}

missing_of() {
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
	for package in "$@"; do
		echo "$installed" | grep -qx "$package" || is_installed "$package" || printf '%s ' "$package"
	done
}

apt_install() {
	if [ "$(id -u)" -ne 0 ]; then
		say "this machine lacks $# package(s), and only root can install them. Run this, then try again:"
		say "    sudo apt-get update && sudo apt-get install --no-install-recommends $*"
		exit 3
	fi
	say "installing Debian packages: $*"
	export DEBIAN_FRONTEND=noninteractive
	# Lists may be absent (a fresh container) or stale (a package was replaced): then, and only then, fetch them.
	apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >&2 && return
	say "apt-get could not install them; fetching the package lists first"
	apt-get -q update >&2 || lacks "apt-get update failed; see its message above"
	apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >&2 ||
		lacks "apt-get install failed; see its message above"
}

find_python() { # a python3 that is new enough
	for candidate in python3 /usr/bin/python3 python3.11 python3.12 python3.13; do
		if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
			echo "$candidate"
			return
		fi
	done
	lacks "no python3 of version 3.11 or newer was found; Debian 12 has it: apt-get install python3"
}

make_venv() {
	rm -rf "$1"
	say "making a Python environment in $1"
	"$python" -m venv "$1" >"$1.log" 2>&1 && return
	rm -rf "$1"
	apt_install python3-venv
	"$python" -m venv "$1" >"$1.log" 2>&1 ||
		lacks "'$python -m venv' fails even with python3-venv installed: $(tail -n 1 "$1.log")"
}

install_python_packages() {
	say "installing Python packages (some 150 MB)"
	"$venv/bin/pip" install -q --disable-pip-version-check --no-input -e "$here$extras" >"$venv.log" 2>&1 &
	pip=$!
	trap 'kill $pip 2>/dev/null; exit 130' INT TERM
	seconds=0
	while kill -0 $pip 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 10)) -ne 0 ] || say "installing Python packages: $seconds s, $(du -sm "$venv" | cut -f 1) MB so far"
	done
	wait $pip || lacks "pip could not install the Python packages: $(grep -v '^WARNING' "$venv.log" | tail -n 1)"
	trap - INT TERM
}

forget_environments() { # of checkouts that are gone: nothing else would ever remove them
	for record in "$cache"/venv/*/checkout; do
		if [ -e "$record" ] && [ ! -d "$(cat "$record")" ]; then
			say "removing the Python environment of $(cat "$record"), which is gone"
			rm -rf "${record%/checkout}" "${record%/checkout}.log" "${record%/checkout}.lock"
		fi
	done
}

for tool in dpkg-query apt-get; do
	command -v $tool >/dev/null || lacks "this is not a Debian machine: acceptlab needs Debian 12 (its Dockerfile makes one)"
done

# shellcheck disable=SC2046 # a list of words is meant
missing=$(missing_of $(packages_of))
# shellcheck disable=SC2086
[ -z "$missing" ] || apt_install $missing

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# The environment refers to this checkout (an editable install): each checkout has one. What it was last brought up to, the
# content of pyproject.toml, is in the names of its marks.
venv=$cache/venv/$(echo "$version $here" | sha256sum | cut -c 1-16)
done=$venv/done-$(sha256sum <"$here/pyproject.toml" | cut -c 1-16)
stamp=$done$extras
if [ ! -e "$stamp" ]; then
	mkdir -p "$cache/venv"
	exec 9>"$venv.lock"
	flock -n 9 || { say "another set-up is at work in $venv; waiting for it"; flock 9; }
	"$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv "$venv"
	if [ ! -e "$stamp" ]; then
		forget_environments
		install_python_packages
		echo "$here" >"$venv/checkout"
		rm -f "$venv"/done-*
		: >"$done"
		: >"$stamp"
	fi
	exec 9>&-
fi
echo "$venv"
