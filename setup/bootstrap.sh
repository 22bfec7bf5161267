#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Make this machine able to run acceptlab: Debian packages where a purpose needs them, then a Python environment in the cache.
#
#     setup/bootstrap.sh [--run] [--series] [--collect] [--dev] [--long] [--bench] [--batch]
#     setup/bootstrap.sh --python | --at-hand
#
# Without an option: what `replay`, `report`, `import` and the like need, which is Python alone. Prints the environment's folder as
# its only line on stdout; all else goes to stderr. Safe to interrupt and to run again: each step leaves its mark only when it is
# done. Exit 3: this machine lacks something that only its owner can install.
#
# --python installs nothing and prints a Python that is new enough; --at-hand prints the environment's folder where it is made
# already, and installs nothing (exit 3, without a word).
set -eu

here=$(cd "${0%/*}/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acceptlab
wanted=
extra=
only=
for argument in "$@"; do
	case $argument in
	--run) wanted="$wanted run" ;;
	--series) wanted="$wanted run series" ;;
	--collect) wanted="$wanted run collect" ;;
	--python | --at-hand) only=$argument ;;
	--check) extra=dev ;;
	--dev) wanted="$wanted run series collect test" extra=dev ;;
	--long) wanted="$wanted long" ;;
	--bench) wanted="$wanted run bench" extra=dev ;;
	--batch) extra=${extra:-batch} ;;
	*) echo "bootstrap: unknown argument '$argument'; it takes --run, --series, --collect, --check, --dev, --long, --bench, --batch, --python and --at-hand" >&2; exit 2 ;;
	esac
done

VERSION='import sys; v = sys.version_info; v < (3, 11) and sys.exit(1); print("%d.%d.%d" % v[:3])'
CAN_VENV='import os, sys; any(os.path.isdir(p + "/ensurepip") for p in sys.path) or sys.exit(1)'

say() { echo "setup: $*" >&2; }
lacks() { say "$@"; exit 3; }

packages_of() { # the packages of every wanted purpose
	for purpose in $wanted; do
		awk -v purpose="$purpose" '!/^#/ && $2 == purpose { print $1 }' "$here/setup/packages.txt"
	done
}

is_installed() {
	# pkgconf provides pkg-config, and so on: a package that provides the name counts too.
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

apt_get_install() {
	# dpkg asks about a configuration file that was changed on this machine, debconf's frontend or not: keep it.
	apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
		install -y --no-install-recommends "$@" </dev/null >&2
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
	apt_get_install "$@" && return
	say "apt-get could not install them; fetching the package lists first"
	apt-get -q update >&2 || lacks "apt-get update failed; see its message above"
	apt_get_install "$@" || lacks "apt-get install failed; see its message above"
}

has_apt() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

find_python() { # a python3 that is new enough, and its version: "python3 3.11"
	# The distribution's first: most users have no other, and one of the PATH may be a script (pyenv) that takes longer than the command.
	# But where an environment is wanted, only if it can make one as it is.
	first=/usr/bin/python3
	[ "$only" = --python ] || "$first" -I -S -c "$CAN_VENV" 2>/dev/null || first=
	for candidate in $first python3 /usr/bin/python3 python3.11 python3.12 python3.13; do
		if version=$("$candidate" -I -S -c "$VERSION" 2>/dev/null); then
			echo "$candidate $version"
			return
		fi
	done
	lacks "no python3 of version 3.11 or newer was found; install one (Debian 12 and later: apt-get install python3)"
}

make_venv() {
	rm -rf "$1"
	say "making a Python environment in $1"
	"$python" -m venv "$1" >"$1.log" 2>&1 && return
	rm -rf "$1"
	has_apt || lacks "'$python -m venv' fails: $(tail -n 1 "$1.log"); install Python's venv module"
	apt_install python3-venv
	"$python" -m venv "$1" >"$1.log" 2>&1 ||
		lacks "'$python -m venv' fails even with python3-venv installed: $(tail -n 1 "$1.log")"
}

requirements_of() { # the Python packages that pyproject.toml lists, with those of the extra $1
	"$python" - "$here/pyproject.toml" "$1" <<-'END'
		import sys, tomllib
		project = tomllib.load(open(sys.argv[1], "rb"))["project"]
		extras = project["optional-dependencies"]
		print("\n".join(project["dependencies"] + extras.get(sys.argv[2], [])))
	END
}

# Where the index was not reached, pip's last line says that there is no such package.
pip_failure() {
	grep -oE -m 1 'problem confirming the ssl certificate.*|connection broken by .*' "$1" ||
		grep -v '^WARNING' "$1" | tail -n 1
}

install_python_packages() {
	say "installing Python packages (some 150 MB)"
	requirements_of "$extra" >"$venv.requirements"
	"$venv/bin/pip" install -q --disable-pip-version-check --no-input -r "$venv.requirements" >"$venv.log" 2>&1 &
	pip=$!
	trap 'kill $pip 2>/dev/null; exit 130' INT TERM
	seconds=0
	while kill -0 $pip 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 10)) -ne 0 ] || say "installing Python packages: $seconds s, $(du -sm "$venv" | cut -f 1) MB so far"
	done
	wait $pip || lacks "pip could not install the Python packages: $(pip_failure "$venv.log")"
	trap - INT TERM
}

if [ -n "$wanted" ]; then
	has_apt || lacks "this needs packages of Debian ($(packages_of | tr '\n' ' ')), and this is no Debian machine: use acceptlab's Dockerfile"
	# shellcheck disable=SC2046 # a list of words is meant
	missing=$(missing_of $(packages_of))
	# shellcheck disable=SC2086
	[ -z "$missing" ] || apt_install $missing
fi

found=$(find_python)
python=${found% *} version=${found#* }
if [ "$only" = --python ]; then
	echo "$python"
	exit
fi
# All checkouts with the same dependencies share an environment: it has those alone, not acceptlab itself.
dependencies=$(sed -n '/^dependencies = \[/,/^\]/p; /^\[project.optional-dependencies\]/,/^$/p' "$here/pyproject.toml")
sum=$(echo "$dependencies" | sha256sum)
venv=$cache/venv/$version-${sum%"${sum#????????????????}"}
[ "$only" != --at-hand ] || [ -e "$venv/done" ] || exit 3
if [ ! -e "$venv/done" ] || { [ -n "$extra" ] && [ ! -e "$venv/done-$extra" ]; }; then
	mkdir -p "$cache/venv"
	exec 9>"$venv.lock"
	flock -n 9 || { say "another setup is running in $venv; waiting for it"; flock 9; }
	"$venv/bin/python" -m pip --version >/dev/null 2>&1 || make_venv "$venv"
	if [ ! -e "$venv/done" ] || { [ -n "$extra" ] && [ ! -e "$venv/done-$extra" ]; }; then
		install_python_packages
		: >"$venv/done"
		[ -z "$extra" ] || : >"$venv/done-$extra"
	fi
	exec 9>&-
fi
echo "$venv"
