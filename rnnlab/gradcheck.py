"""Analytic against numeric gradients of a real function of one array.

The complex step (Squire and Trapp 1998) reads the derivative off an imaginary part:

    f(x + i s v) = f(x) + i s f'(x) v - O(s^2),   so   f'(x) v = Im f(x + i s v) / s

Nothing is subtracted, so s may be tiny and the result is exact to rounding; f has to be made of
analytic functions that take complex numbers. Central differences take any f and lose digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Function = Callable[[Array], Any]
Method = Literal["complex", "central"]

TOLERANCE = {"complex": 1e-12, "central": 1e-6}
_COMPLEX_STEP = 1e-30
_CENTRAL_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


def directional(f: Function, x: Array, v: Array, method: Method = "complex") -> float:
    """The derivative of f at x along v, which is sum(gradient * v): one or two calls of f.

    f takes an array of x's shape, complex128 for method="complex" and float64 for "central", and
    returns one number. Raises ValueError if it does not, or if x and v do not match.
    """
    x, v = _real("directional", "x", x), _real("directional", "v", v)
    if v.size and not v.any():
        raise ValueError("directional: v must point somewhere, got zeros; they check nothing")
    _same_shape("directional", "v", v, x)
    return _along(_checked_method("directional", method), f, x, v)


def gradient(f: Function, x: Array, method: Method = "complex") -> Array:
    """The whole gradient of f at x, entry by entry: as many derivatives as x has entries."""
    x = _real("gradient", "x", x)
    _checked_method("gradient", method)
    numeric = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        v = np.zeros_like(x)
        v[k] = 1.0
        numeric[k] = _along(method, f, x, v)
    return numeric


def check(
    f: Function,
    grad: Array,
    x: Array,
    *,
    along: Array | np.random.Generator | None = None,
    method: Method = "complex",
    tolerance: float | None = None,
) -> float:
    """Raise AssertionError unless `grad` is the gradient of f at x; return the relative error.

    along=None compares every entry: the error is max |grad - numeric| over max |numeric| or
    max |grad|, the larger. With a direction v in `along`, or a Generator that draws one, a single
    derivative is compared: the error is |sum(grad * v) - numeric| over sum |grad * v| or |numeric|,
    the larger. One random direction sees a wrong entry almost surely, the full check names it.
    f, x, method as in `directional`; the tolerance is 1e-12 for "complex", 1e-6 for "central".
    Raises ValueError for shapes and dtypes that do not fit.
    """
    x, grad = _real("check", "x", x), _real("check", "grad", grad)
    _same_shape("check", "grad", grad, x)
    limit = TOLERANCE[_checked_method("check", method)] if tolerance is None else tolerance
    if along is None:
        numeric = gradient(f, x, method)
        gap = np.abs(grad - numeric)
        error = _ratio(gap.max(initial=0.0), np.abs(grad), np.abs(numeric))
        if not error <= limit:
            # a NaN is the worst of all, and argmax finds it first
            k = tuple(int(n) for n in np.unravel_index(np.argmax(gap), x.shape))
            raise AssertionError(
                f"check: grad{list(k) if k else ''} must be {numeric[k]:.6g} "
                f"by the {_NAMES[method]}, got {grad[k]:.6g}; "
                f"relative error {error:.1e}, allowed {limit:.1e}"
            )
        return error
    v = along.standard_normal(x.shape) if isinstance(along, np.random.Generator) else along
    slope = directional(f, x, v, method)
    terms = grad * v
    error = _ratio(abs(terms.sum() - slope), np.abs(terms).sum(), np.abs(slope))
    if not error <= limit:
        raise AssertionError(
            f"check: sum(grad * v) must be {slope:.6g} by the {_NAMES[method]}, "
            f"got {terms.sum():.6g}; relative error {error:.1e}, allowed {limit:.1e}; "
            "along=None names the entry that is wrong"
        )
    return error


_NAMES = {"complex": "complex step", "central": "central difference"}


def _along(method: Method, f: Function, x: Array, v: Array) -> float:
    if method == "complex":
        return (
            float(_number(f(x + 1j * _COMPLEX_STEP * v), np.complexfloating).imag) / _COMPLEX_STEP
        )
    # the best step balances the rounding of f against the third derivative
    longest = np.abs(v).max(initial=0.0)
    s = _CENTRAL_STEP * max(1.0, np.abs(x).max(initial=0.0)) / (longest or 1.0)
    ahead, behind = _number(f(x + s * v), np.floating), _number(f(x - s * v), np.floating)
    return float((ahead - behind) / (2 * s))


def _number(value: Any, kind: type[np.inexact[Any]]) -> Any:
    array = np.asarray(value)
    if array.shape != ():
        raise ValueError(f"f must return one number, got shape {array.shape}; sum it up")
    if kind is np.complexfloating and not np.iscomplexobj(array):
        raise ValueError(
            f"f must return a complex number, as x was complex, got {array.dtype}; abs, float and "
            'comparisons lose the imaginary part (method="central" needs none)'
        )
    if kind is np.floating and np.iscomplexobj(array):
        raise ValueError(f"f must return a real number, as x was real, got {array.dtype}")
    return array


def _ratio(gap: Any, *sizes: Any) -> float:
    scale = max(float(np.max(size, initial=0.0)) for size in sizes)
    return float(gap) / scale if scale > 0 else float(gap)


def _real(where: str, name: str, array: Array) -> Array:
    given = np.asarray(array)
    if not np.issubdtype(given.dtype, np.floating):
        raise ValueError(f"{where}: {name} must be an array of real floats, got {given.dtype}")
    return given.astype(np.float64)


def _same_shape(where: str, name: str, array: Array, x: Array) -> None:
    if array.shape != x.shape:
        raise ValueError(f"{where}: {name} must have the shape of x, {x.shape}, got {array.shape}")


def _checked_method(where: str, method: Method) -> Method:
    if method not in TOLERANCE:
        raise ValueError(f'{where}: method must be "complex" or "central", got {method!r}')
    return method
