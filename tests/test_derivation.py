"""A derivation runs its lines in order; a recurrence runs them at every step."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlab.questions.derivation import Derivation, Mistake, Recurrence, made_in

LINE = Derivation(
    ("x", "w", "b"),
    {"product": lambda s: s.x * s.w, "y": lambda s: s.product + s.b},
    returns=("y",),
)
# y_t = w x_t + v y_{t-1}, from y_0
FILTER = Recurrence(
    ("x", "y_0", "w", "v"),
    first={"y_prev": lambda s: s.y_0},
    step={"x_t": lambda s: s.x[s.t], "y_t": lambda s: s.w * s.x_t + s.v * s.y_prev},
    carry={"y_prev": lambda s: s.y_t},
    collect={"y": lambda s: s.stack("y_t"), "total": lambda s: s.sum("y_t")},
    returns=("y", "total"),
)
# the gradient of sum_t dy_t y_t by v, from the last step to the first
BACK = Recurrence(
    ("dy", "y_before", "v"),
    first={"carried": lambda s: 0.0},
    step={"dy_t": lambda s: s.dy[s.t] + s.carried, "dv_t": lambda s: s.dy_t * s.y_before[s.t]},
    carry={"carried": lambda s: s.v * s.dy_t},
    collect={"dv": lambda s: s.sum("dv_t")},
    returns=("dv",),
    backward=True,
)


def filtered(x: list[float], y: float, w: float, v: float) -> np.ndarray:
    out = []
    for x_t in x:
        y = w * x_t + v * y
        out.append(y)
    return np.array(out)


def test_lines_in_order_and_variants() -> None:
    assert LINE(3.0, 4.0, 5.0) == 17.0
    no_bias = LINE.but(y=lambda s: s.product)
    summed = LINE.but(product=lambda s: s.x + s.w)
    assert no_bias(3.0, 4.0, 5.0) == 12.0
    both = no_bias.and_also(summed)
    assert both is not None and both(3.0, 4.0, 5.0) == 7.0
    assert both.changed == {"y", "product"}
    assert no_bias.and_also(LINE.but(y=lambda s: s.b)) is None
    assert LINE(3.0, 4.0, 5.0) == 17.0


def test_several_results_come_as_a_tuple() -> None:
    two = Derivation(("x",), {"y": lambda s: 2 * s.x, "z": lambda s: s.y + 1}, returns=("z", "y"))
    assert two(5) == (11, 10)


def test_wrong_names_are_errors() -> None:
    with pytest.raises(KeyError, match="no line is called gate"):
        LINE.but(gate=lambda s: 0)
    with pytest.raises(AttributeError, match="no line has computed later yet"):
        LINE.but(product=lambda s: s.later)(1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="every line needs a name of its own"):
        Recurrence(("x",), first={"y": len}, step={"y": len}, carry={}, collect={}, returns=("y",))


def test_a_recurrence_carries_its_state() -> None:
    x = [2.0, 3.0, 5.0, 7.0]
    y, total = FILTER(x, 11.0, 0.5, 0.25)
    np.testing.assert_allclose(y, filtered(x, 11.0, 0.5, 0.25))
    assert total == pytest.approx(y.sum())
    dropped, _ = FILTER.but(next_y_prev=lambda s: s.y_0)(x, 11.0, 0.5, 0.25)
    np.testing.assert_allclose(dropped, 0.5 * np.array(x) + 0.25 * 11.0)
    late, _ = FILTER.but(y_t=lambda s: s.w * s.x_t)(x, 11.0, 0.5, 0.25)
    np.testing.assert_allclose(late, 0.5 * np.array(x))


def test_a_backward_recurrence_is_the_derivative() -> None:
    x, dy = [2.0, 3.0, 5.0, 7.0], np.array([0.3, -0.7, 1.1, 0.9])
    v, step = 0.25, 1e-30
    before = np.concatenate([[11.0], filtered(x, 11.0, 0.5, v)[:-1]])
    slope = (dy * filtered(x, 11.0, 0.5, v + 1j * step)).sum().imag / step  # type: ignore[arg-type]
    assert BACK(dy, before, v) == pytest.approx(slope, rel=1e-12)


def test_mistakes_are_made_where_their_lines_are() -> None:
    mistakes = (
        Mistake("no product", "hint 1", {"product": lambda s: s.x}),
        Mistake("elsewhere", "hint 2", {"y_t": lambda s: 0.0}),
    )
    made = made_in(LINE, mistakes)
    assert [(m.name, m.hint) for m in made] == [("no product", "hint 1")]
    assert made[0].wrong(3.0, 4.0, 5.0) == 8.0
