# SPDX-License-Identifier: GPL-2.0-only
"""The wheel: everything of this checkout that a command needs, below the one package `acceptlab`."""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
CODE = ("analysis", "toolkit")
DATA = ("emulator", "patches", "data", "setup")


def packages() -> list[str]:
    """Return the folders with Python code and the data folders, as packages below `acceptlab`."""
    modules = [
        module.parent.relative_to(ROOT) for top in CODE for module in (ROOT / top).rglob("*.py")
    ]
    rooms = sorted({".".join(("acceptlab", *folder.parts)) for folder in modules})
    return [*rooms, *(f"acceptlab.{name}" for name in DATA)]


setup(
    packages=packages(),
    package_dir={"acceptlab": "."},
    package_data={"": ["**/*"]},
    exclude_package_data={"": ["**/*.pyc", "**/__pycache__/*", "import/**"]},
)
