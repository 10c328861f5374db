"""environment.yml, constraints.txt and pyproject.toml say the same."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}


def test_conda_gets_what_pip_gets() -> None:
    extras = PROJECT["optional-dependencies"]
    pip = {}
    for text in [*PROJECT["dependencies"], *extras["lab"], *extras["grading"]]:
        wanted = Requirement(text)
        pip[CONDA_NAMES.get(wanted.name, wanted.name)] = wanted.specifier
    conda = {}
    [by_pip] = [part["pip"] for part in CONDA["dependencies"] if isinstance(part, dict)]
    assert "-e ." in by_pip
    for text in [*CONDA["dependencies"], *by_pip]:
        if isinstance(text, str) and text not in ("pip", "-e ."):
            wanted = Requirement(text)
            conda[wanted.name] = wanted.specifier
    assert conda.pop("python").contains(PROJECT["requires-python"].removeprefix(">="))
    assert conda == pip


def test_every_requirement_has_an_exact_pin_inside_its_range() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line
            name, _, version = line.partition("==")
            pins[canonicalize_name(name)] = version
    extras = chain.from_iterable(PROJECT["optional-dependencies"].values())
    for text in (*PROJECT["dependencies"], *extras):
        requirement = Requirement(text)
        if requirement.name != "rnnlab":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text
    assert pins["torch"] == "2.13.0"
