"""Numeric gradients against derivatives known by hand, and what a check says of a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.gradcheck import check, directional, gradient

METHODS = {"complex": 1e-14, "central": 1e-9}


def f(x):
    """sum(sin x * exp x), of which the gradient is (sin x + cos x) exp x."""
    return (np.sin(x) * np.exp(x)).sum()


def df(x):
    return (np.sin(x) + np.cos(x)) * np.exp(x)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def x(rng):
    return rng.standard_normal((2, 3))


@pytest.mark.parametrize("method", METHODS)
def test_gradient_equals_the_derivative_by_hand(x, method):
    np.testing.assert_allclose(gradient(f, x, method), df(x), rtol=METHODS[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [1e-3, 1.0, 1e3])
def test_directional_is_the_gradient_times_the_direction(x, rng, method, length):
    v = length * rng.standard_normal(x.shape)
    np.testing.assert_allclose(directional(f, x, v, method), (df(x) * v).sum(), rtol=1e-8)


def test_the_complex_step_is_exact_where_differences_cancel():
    x = np.array([1e-8])
    assert gradient(lambda x: (x**3).sum(), x)[0] == pytest.approx(3e-16, rel=1e-14, abs=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 2), (0,)])
def test_a_right_gradient_passes_and_the_error_is_small(rng, method, shape):
    x = np.asarray(rng.standard_normal(shape))
    assert 0 <= check(f, df(x), x, method=method) <= METHODS[method]
    assert 0 <= check(f, df(x), x, method=method, along=rng) <= METHODS[method]


def test_the_error_is_relative_to_the_largest_entry(x):
    grad = df(x)
    largest = np.abs(grad).max()
    grad[0, 0] += 1e-3 * largest
    error = check(f, grad, x, tolerance=1.0)
    assert error == pytest.approx(1e-3, rel=0.01)


def test_a_wrong_entry_is_named(x):
    grad = df(x)
    wanted, grad[1, 2] = grad[1, 2], 7.5
    with pytest.raises(
        AssertionError,
        match=rf"grad\[1, 2\] must be {wanted:.6g} by the complex step, got 7.5; relative error .*"
        r"allowed 1.0e-12",
    ):
        check(f, grad, x)


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_gradient_is_seen_along_a_direction(x, rng, method):
    grad = df(x)
    grad[1, 2] *= 1.001
    with pytest.raises(AssertionError, match=r"sum\(grad \* v\) must be .* names the entry"):
        check(f, grad, x, along=rng, method=method)


def test_a_direction_sees_what_lies_along_it_only(x):
    grad, v = df(x), np.zeros_like(x)
    v[0, 1] = 1.0
    grad[1, 2] = 7.5
    check(f, grad, x, along=v)
    grad[0, 1] = 7.5
    with pytest.raises(AssertionError):
        check(f, grad, x, along=v)


@pytest.mark.parametrize("along", [None, 3])
def test_nan_never_passes(x, along):
    grad = df(x)
    grad[0, 1] = np.nan
    with pytest.raises(AssertionError, match="got nan"):
        check(f, grad, x, along=along and np.random.default_rng(along))


def test_the_tolerance_decides(x):
    grad = df(x) * (1 + 1e-5)
    check(f, grad, x, tolerance=1e-4)
    with pytest.raises(AssertionError):
        check(f, grad, x, tolerance=1e-6)


def test_a_zero_gradient_passes():
    x = np.array([1.0, -2.0])
    assert check(lambda x: 0 * x.sum(), np.zeros(2), x) == 0.0


def test_float32_is_checked_in_float64(x):
    single = x.astype(np.float32)
    check(f, df(single.astype(np.float64)), single)


def test_x_is_not_changed(x):
    kept = x.copy()
    x.flags.writeable = False

    def greedy(array):
        value = f(array)
        array[...] = 0
        return value

    check(greedy, df(x), x)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: check(f, df(x)[0], x), r"check: grad must have the shape of x, \(2, 3\), got"),
        (lambda x: directional(f, x, x[0]), r"directional: v must have the shape of x"),
        (lambda x: check(f, df(x), x, along=x[0]), r"v must have the shape of x"),
        (lambda x: check(f, df(x), x.astype(int)), r"check: x must be an array of real floats"),
        (lambda x: check(f, df(x) + 0j, x), r"check: grad must be an array of real floats, got c"),
        (lambda x: check(f, df(x), x, method="forward"), r'method must be "complex" or "central"'),
        (lambda x: gradient(f, x, "forward"), r"gradient: method must be"),
        (lambda x: directional(f, x, x, "forward"), r"directional: method must be"),
        (lambda x: gradient(np.sin, x), r"f must return one number, got shape \(2, 3\); sum it up"),
        (lambda x: gradient(lambda x: f(x).real, x), r"a complex number, .* lose the imaginary"),
        (lambda x: gradient(lambda x: f(x) + 0j, x, "central"), r"f must return a real number"),
    ],
)
def test_what_does_not_fit_is_refused(x, call, message):
    with pytest.raises(ValueError, match=message):
        call(x)


def test_a_direction_of_zeros_is_refused() -> None:
    x = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match=r"v must point somewhere, got zeros"):
        check(lambda a: (a**2).sum(), 99 * x, x, along=np.zeros_like(x))
