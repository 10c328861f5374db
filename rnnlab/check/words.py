"""Lists, shapes and names in plain English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlab import calls
from rnnlab.calls import PARAMS, Other


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c" """
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def are(names: Sequence[str]) -> str:
    """ "is" or "are", as many as there are."""
    return "is" if len(names) == 1 else "are"


def counted(number: int, noun: str) -> str:
    """ "1 argument", "2 arguments" """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def kind(value: Any) -> str:
    """What a value is: "a str", "an array of object"."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return value.words if isinstance(value, Other) else calls.a(type(value).__name__)


def came_in(inputs: Mapping[str, Any]) -> str:
    """The shapes of the inputs, after a semicolon; "" without any."""
    came = shapes(inputs)
    return f"; in came {came}" if came else ""


def shapes(inputs: Mapping[str, Any]) -> str:
    """ "x_t (2, 3), p (LSTMParams with D = 3, H = 4)" """
    named = []
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            named.append(f"{name} {value.shape}")
        elif isinstance(value, PARAMS):
            sizes = f"D = {value.input_size}, H = {value.hidden_size}"
            named.append(f"{name} ({type(value).__name__} with {sizes})")
    return ", ".join(named)
