"""RNN Lab: LSTM and GRU networks, derived step by step.

`import rnnlab` loads NumPy and nothing heavier; submodules load when first used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import numpy as _numpy  # noqa: F401  the one core dependency: fail here, not somewhere inside

__version__ = "0.1.0"

_SUBMODULES = (
    "cells",
    "check",
    "diagrams",
    "explorers",
    "gradcheck",
    "grading",
    "interop",
    "layers",
    "notebook",
    "params",
    "plots",
    "questions",
    "tasks",
    "twins",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return importlib.import_module(f"rnnlab.{name}")
    raise AttributeError(f"module 'rnnlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBMODULES])
