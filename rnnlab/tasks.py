"""Seeded memory tasks and one real series: a Generator in, arrays out, an honest baseline beside.

Time first: x is (T, B, D). Every task says at which steps the readout is scored and what the best
guess reaches that never looks at x; a model has learnt something once it is below that.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rnnlab.params import Array, check_array, check_generator

Loss = Literal["squared error", "cross-entropy"]

UNITS: dict[Loss, str] = {"squared error": "mean squared error", "cross-entropy": "nats per step"}


@dataclass(frozen=True, eq=False)
class Task:
    """One batch of a task.

    x (T, B, D): the input. steps (S,): where the readout is scored, so that `h[task.steps]` is
    (S, B, H). y (S, B): what it should say there, a number or the index of a class.
    outputs: how many numbers the readout gives, 1 or the number of classes.
    chance: the loss, averaged over the S steps and the batch, of the best guess that knows the
    step but never looks at x; in `unit`.
    """

    x: Array
    y: Array
    steps: Array
    loss: Loss
    outputs: int
    chance: float

    @property
    def unit(self) -> str:
        """The unit of `chance`: mean squared error, or nats per step."""
        return UNITS[self.loss]


def adding(T: int, B: int, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> Task:
    """Add the two marked numbers of a long row; the sum is asked for at the last step.

    x (T, B, 2): a number from U(0, 1), and a mark that is 1 at one step of the first half and at
    one of the second, else 0. y (1, B): the sum of the two. Chance 1/6 (mean squared error): the
    best constant is 1, and what remains is the variance of two uniform numbers, 1/12 + 1/12.
    Source: Hochreiter and Schmidhuber (1997), experiment 4, in the form of Arjovsky, Shah and
    Bengio (2016). T >= 2.
    """
    dtype = _check_draw("tasks.adding", rng, dtype, T=(T, 2), B=(B, 1))
    numbers = rng.uniform(0.0, 1.0, (T, B))
    marks = np.zeros((T, B))
    batch = np.arange(B)
    marks[rng.integers(0, T // 2, B), batch] = 1.0
    marks[rng.integers(T // 2, T, B), batch] = 1.0
    x = np.stack([numbers, marks], axis=-1).astype(dtype)
    y = (x[..., 0] * x[..., 1]).sum(axis=0, keepdims=True)
    return Task(x, y, np.array([T - 1]), "squared error", 1, 1 / 6)


def copy(
    lag: int,
    B: int,
    rng: np.random.Generator,
    *,
    symbols: int = 8,
    length: int = 10,
    dtype: npt.DTypeLike = np.float64,
) -> Task:
    """Keep a word of `length` symbols over `lag` blank steps, then repeat it on a signal.

    x (T, B, symbols + 2), one-hot, T = lag + 2 * length: the word, blanks (class `symbols`), the
    signal (class `symbols` + 1) at step length + lag - 1, blanks. y (T, B): blanks, and the word
    in the last `length` steps. Every step is scored. Chance (nats per step)
    length * ln(symbols) / T: blanks cost nothing, each repeated symbol costs ln(symbols), which
    is the loss over the last `length` steps alone. Source: Arjovsky, Shah and Bengio (2016),
    with symbols 8 and length 10. lag >= 1, symbols >= 2.
    """
    dtype = _check_draw(
        "tasks.copy", rng, dtype, lag=(lag, 1), B=(B, 1), symbols=(symbols, 2), length=(length, 1)
    )
    T = lag + 2 * length
    word = rng.integers(0, symbols, (length, B))
    tokens = np.full((T, B), symbols)
    tokens[:length] = word
    tokens[length + lag - 1] = symbols + 1
    y = np.full((T, B), symbols)
    y[-length:] = word
    chance = length * np.log(symbols) / T
    x = _one_hot(tokens, symbols + 2, dtype)
    return Task(x, y, np.arange(T), "cross-entropy", symbols + 1, float(chance))


def parity(T: int, B: int, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> Task:
    """Say after every bit whether the ones so far are odd: one bit of memory, flipped by each 1.

    x (T, B, 1): fair bits, 0 or 1. y (T, B): class 1 where the number of ones up to and with this
    step is odd. Chance ln 2 (nats per step): each answer is a fair coin to who does not see x.
    After the parity problem of Bengio, Simard and Frasconi (1994). T >= 1.
    """
    dtype = _check_draw("tasks.parity", rng, dtype, T=(T, 1), B=(B, 1))
    bits = rng.integers(0, 2, (T, B))
    x = bits[..., None].astype(dtype)
    return Task(x, np.cumsum(bits, axis=0) % 2, np.arange(T), "cross-entropy", 2, float(np.log(2)))


def latch(
    T: int,
    B: int,
    rng: np.random.Generator,
    *,
    symbols: int = 4,
    noise: float = 0.3,
    dtype: npt.DTypeLike = np.float64,
) -> Task:
    """Hold the one symbol of step 0 through noise until the last step.

    x (T, B, symbols): one-hot at step 0, then numbers from N(0, noise^2) on the same lines.
    y (1, B): the class of step 0. Chance ln(symbols) (nats per step): all classes are equally
    likely. After the latching problem of Bengio, Simard and Frasconi (1994). T >= 2,
    symbols >= 2, noise >= 0.
    """
    where = "tasks.latch"
    dtype = _check_draw(where, rng, dtype, T=(T, 2), B=(B, 1), symbols=(symbols, 2))
    if not 0 <= noise < np.inf:
        raise ValueError(f"{where}: noise must be a standard deviation of at least 0, got {noise}")
    classes = rng.integers(0, symbols, (1, B))
    x = noise * rng.standard_normal((T, B, symbols))
    x[:1] = _one_hot(classes, symbols, x.dtype)
    chance = float(np.log(symbols))
    return Task(x.astype(dtype), classes, np.array([T - 1]), "cross-entropy", symbols, chance)


def temporal_order(
    T: int,
    B: int,
    rng: np.random.Generator,
    *,
    marks: int = 2,
    dtype: npt.DTypeLike = np.float64,
) -> Task:
    """Two (or three) far apart symbols X or Y among distractors: in which order did they come?

    x (T, B, 8), one-hot over a b c d (distractors) X Y E B: E opens, B closes. The marks stand
    where the paper has them for T = 100, in proportion: at [.1, .2) and [.5, .6) of T, or for
    three at [.1, .2), [.33, .43) and [.66, .76). y (1, B): the marks read as a binary number, X
    as 0 and Y as 1 (XX 0, XY 1, YX 2, YY 3). Chance ln 4, with three marks ln 8 (nats per step).
    Source: Hochreiter and Schmidhuber (1997), experiments 6a and 6b. T >= 10, marks 2 or 3.
    """
    where = "tasks.temporal_order"
    dtype = _check_draw(where, rng, dtype, T=(T, 10), B=(B, 1))
    if marks not in _MARK_FROM:
        raise ValueError(f"{where}: marks must be 2 or 3, got {marks!r}")
    X, E, END = 4, 6, 7
    tokens = rng.integers(0, X, (T, B))
    tokens[0], tokens[-1] = E, END
    y = np.zeros((1, B), dtype=np.int64)
    for start in _MARK_FROM[marks]:
        first = T * start // 100
        last = max(first + 1, T * (start + 10) // 100)
        bit = rng.integers(0, 2, B)
        tokens[rng.integers(first, last, B), np.arange(B)] = X + bit
        y = 2 * y + bit
    x = _one_hot(tokens, 8, dtype)
    chance = marks * float(np.log(2))
    return Task(x, y, np.array([T - 1]), "cross-entropy", 2**marks, chance)


_MARK_FROM = {2: (10, 50), 3: (10, 33, 66)}


def _one_hot(classes: Array, n: int, dtype: np.dtype[Any]) -> Array:
    return np.eye(n, dtype=dtype)[classes]


def _check_draw(
    where: str, rng: object, dtype: npt.DTypeLike, **sizes: tuple[int, int]
) -> np.dtype[Any]:
    check_generator(where, rng)
    for name, (n, least) in sizes.items():
        _check_whole(where, name, n, least)
    chosen: np.dtype[Any] = np.dtype(dtype)
    if chosen not in (np.float32, np.float64):
        raise ValueError(f"{where}: dtype must be float32 or float64, got {chosen}")
    return chosen


def _check_whole(where: str, name: str, n: object, least: int) -> None:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < least:
        raise ValueError(f"{where}: {name} must be a whole number of at least {least}, got {n!r}")


class Sunspots(NamedTuple):
    """years (309,), whole numbers; numbers (309,), the mean sunspot number of each year."""

    years: Array
    numbers: Array


def sunspots() -> Sunspots:
    """The yearly mean sunspot number, 1700 to 2008, from a file of this package.

    Source and licence (public domain): `rnnlab/data/SOURCES.md`.
    """
    text = resources.files("rnnlab").joinpath("data/sunspots.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    years = np.array([int(year) for year, _ in rows])
    return Sunspots(years, np.array([float(number) for _, number in rows]))


class Windows(NamedTuple):
    """x (L, N, 1): N windows of L years, scaled; y (N,): the year after each; years (N,) of y."""

    x: Array
    y: Array
    years: Array


@dataclass(frozen=True, eq=False)
class Forecasting:
    """One year ahead, split by time: no year that is asked for in one part is in another.

    The scale is that of the training years alone: y = (number - mean) / std. A test window may
    reach back into earlier parts: when the forecast is made, those years are known.
    """

    train: Windows
    validation: Windows
    test: Windows
    mean: float
    std: float

    def unscaled(self, y: Array) -> Array:
        """From the scale of the windows back to that of the series: mean + std * y."""
        result: Array = self.mean + self.std * y
        return result

    def rmse(self, forecast: Array, part: Windows) -> float:
        """Root mean squared error of a scaled forecast (N,), in units of the series."""
        check_array("Forecasting.rmse", "forecast", forecast, part.y.shape)
        return float(self.std * np.sqrt(np.mean((forecast - part.y) ** 2)))


def forecasting(
    years: Array, numbers: Array, *, length: int, train_to: int, validation_to: int
) -> Forecasting:
    """Windows of `length` years with the year after each, for training, validation and test.

    A window belongs to the part of the year that it forecasts: training up to and with
    `train_to`, validation up to and with `validation_to` (equal to `train_to`: none), test after.
    years (N,), one apart, and numbers (N,). Raises ValueError for gaps, or an empty training or
    test part.
    """
    where = "tasks.forecasting"
    check_array(where, "numbers", numbers, ("N",))
    if not isinstance(years, np.ndarray) or years.shape != numbers.shape:
        raise ValueError(f"{where}: years must be an array of shape {numbers.shape} like numbers")
    if np.any(np.diff(years) != 1):
        raise ValueError(f"{where}: years must follow one another without gaps")
    _check_whole(where, "length", length, 1)
    if not years[0] + length <= train_to <= validation_to < years[-1]:
        raise ValueError(
            f"{where}: must hold {years[0] + length} (the first year with {length} before it) "
            f"<= train_to <= validation_to < {years[-1]} (the last year), "
            f"got train_to {train_to} and validation_to {validation_to}"
        )
    known = numbers[years <= train_to]
    mean, std = float(known.mean()), float(known.std())
    if std == 0:
        raise ValueError(f"{where}: numbers must vary over the training years, got one value")
    scaled = (numbers - mean) / std
    x = np.lib.stride_tricks.sliding_window_view(scaled[:-1], length).T[..., None]
    y, asked = scaled[length:], years[length:]

    def part(after: float, to: float) -> Windows:
        chosen = (asked > after) & (asked <= to)
        return Windows(x[:, chosen], y[chosen], asked[chosen])

    return Forecasting(
        train=part(-np.inf, train_to),
        validation=part(train_to, validation_to),
        test=part(validation_to, np.inf),
        mean=mean,
        std=std,
    )


def persistence(x: Array) -> Array:
    """The forecast to beat: next year is as this year. x (L, N, 1) to (N,)."""
    check_array("tasks.persistence", "x", x, ("L", "N", 1))
    last: Array = x[-1, :, 0].copy()
    return last


def autoregression(train: Windows, order: int) -> Callable[[Array], Array]:
    """Linear autoregression of order p, fitted to the training windows by least squares.

        y_t = a_0 + a_1 y_{t-1} + ... + a_p y_{t-p}        (Yule 1927, who fitted sunspots)

    Returns the forecast as a function: x (L, N, 1), p <= L, to (N,).
    """
    where = "tasks.autoregression"
    _check_whole(where, "order", order, 1)
    if order > train.x.shape[0]:
        raise ValueError(
            f"{where}: order must be at most the {train.x.shape[0]} years of a window, got {order}"
        )

    def columns(x: Array) -> Array:
        check_array(where, "x", x, ("L", "N", 1))
        return np.vstack([np.ones(x.shape[1]), x[: -order - 1 : -1, :, 0]]).T

    a = np.linalg.lstsq(columns(train.x), train.y, rcond=None)[0]

    def forecast(x: Array) -> Array:
        result: Array = columns(x) @ a
        return result

    return forecast
