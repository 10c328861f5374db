"""`import rnnlab` is light: NumPy and nothing heavier, submodules when first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("torch", "matplotlib", "ipywidgets", "anywidget", "IPython", "nbformat", "jupyterlab")
LIGHT_SUBMODULES = ("params", "cells", "layers", "interop", "gradcheck", "tasks")


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after running `code`."""
    code += "\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_numpy_alone():
    loaded = loaded_after("import rnnlab")
    assert "numpy" in loaded
    assert loaded.isdisjoint(HEAVY)
    outside = {name.split(".")[0] for name in loaded - loaded_after("import numpy")}
    assert outside - set(sys.stdlib_module_names) == {"rnnlab"}


def test_import_loads_no_submodule():
    assert not [name for name in loaded_after("import rnnlab") if name.startswith("rnnlab.")]


@pytest.mark.parametrize("submodule", LIGHT_SUBMODULES)
def test_the_maths_needs_numpy_alone(submodule):
    loaded = loaded_after(f"import rnnlab; rnnlab.{submodule}")
    assert f"rnnlab.{submodule}" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_an_unknown_name_is_an_attribute_error():
    import rnnlab

    with pytest.raises(AttributeError, match=r"module 'rnnlab' has no attribute 'nonsense'"):
        rnnlab.nonsense  # noqa: B018


def test_dir_lists_the_submodules():
    import rnnlab

    assert set(LIGHT_SUBMODULES) <= set(dir(rnnlab))


def test_the_readmes_example_runs() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example = readme.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["grads"].params.W_f.shape == (4, 3)
