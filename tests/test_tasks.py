"""The targets are worked out again from x in plain Python; chance is held to its own definition."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from operator import xor

import numpy as np
import pytest

from rnnlab import tasks
from rnnlab.tasks import Task

MANY = 40_000

DRAWS = {
    "adding": lambda rng, **kw: tasks.adding(7, 3, rng, **kw),
    "copy": lambda rng, **kw: tasks.copy(4, 3, rng, symbols=5, length=2, **kw),
    "parity": lambda rng, **kw: tasks.parity(7, 3, rng, **kw),
    "latch": lambda rng, **kw: tasks.latch(7, 3, rng, symbols=4, **kw),
    "temporal_order": lambda rng, **kw: tasks.temporal_order(11, 3, rng, **kw),
}
MANY_DRAWS = {
    "adding": lambda rng: tasks.adding(2, MANY, rng),
    "copy": lambda rng: tasks.copy(1, MANY, rng, symbols=3, length=2),
    "parity": lambda rng: tasks.parity(3, MANY, rng),
    "latch": lambda rng: tasks.latch(2, MANY, rng, symbols=4),
    "temporal_order": lambda rng: tasks.temporal_order(10, MANY, rng, marks=3),
}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def blind_guess(task: Task) -> float:
    """The loss of the best guess a step that never looks at x, measured on the sample itself."""
    if task.loss == "squared error":
        return float(np.mean(task.y.var(axis=1)))
    entropies = []
    for y in task.y:
        share = np.bincount(y, minlength=task.outputs) / y.size
        entropies.append(-sum(p * math.log(p) for p in share if p > 0))
    return float(np.mean(entropies))


@pytest.mark.parametrize("name", DRAWS)
class TestEveryTask:
    def test_shapes(self, name: str) -> None:
        task = DRAWS[name](rng())
        assert task.x.ndim == 3 and task.x.shape[1] == 3
        assert task.y.shape == (len(task.steps), 3)
        assert task.x[task.steps].shape[:2] == task.y.shape
        if task.loss == "cross-entropy":
            assert task.y.dtype.kind == "i" and 0 <= task.y.min() <= task.y.max() < task.outputs
            assert task.unit == "nats per step"
        else:
            assert task.outputs == 1 and task.y.dtype == task.x.dtype
            assert task.unit == "mean squared error"

    def test_the_same_seed_gives_the_same_arrays_and_the_next_draw_others(self, name: str) -> None:
        generator = rng()
        first, second, again = (DRAWS[name](g) for g in (generator, generator, rng()))
        assert np.array_equal(first.x, again.x) and np.array_equal(first.y, again.y)
        assert not np.array_equal(first.x, second.x)

    def test_chance_is_what_the_best_blind_guess_reaches(self, name: str) -> None:
        task = MANY_DRAWS[name](rng())
        assert blind_guess(task) == pytest.approx(task.chance, abs=0.004)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtype(self, name: str, dtype: type) -> None:
        assert DRAWS[name](rng(), dtype=dtype).x.dtype == dtype

    def test_refuses_other_dtypes_and_no_generator(self, name: str) -> None:
        with pytest.raises(ValueError, match=rf"tasks\.{name}: dtype must be .* got int64"):
            DRAWS[name](rng(), dtype=np.int64)
        with pytest.raises(ValueError, match=rf"tasks\.{name}: rng must be .* got int; .* makes"):
            DRAWS[name](7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: tasks.adding(1, 3, g), r"tasks.adding: T must be .* at least 2, got 1"),
        (lambda g: tasks.adding(5, 0, g), r"tasks.adding: B must be .* at least 1, got 0"),
        (lambda g: tasks.adding(5.0, 3, g), r"tasks.adding: T must be a whole number.*got 5.0"),
        (lambda g: tasks.adding(5, True, g), r"tasks.adding: B must be a whole number.*got True"),
        (lambda g: tasks.copy(0, 3, g), r"tasks.copy: lag must be .* at least 1"),
        (lambda g: tasks.copy(2, 3, g, symbols=1), r"tasks.copy: symbols must be .* at least 2"),
        (lambda g: tasks.copy(2, 3, g, length=0), r"tasks.copy: length must be .* at least 1"),
        (lambda g: tasks.parity(0, 3, g), r"tasks.parity: T must be .* at least 1"),
        (lambda g: tasks.latch(1, 3, g), r"tasks.latch: T must be .* at least 2"),
        (lambda g: tasks.latch(5, 3, g, noise=-1), r"tasks.latch: noise must be .* got -1"),
        (lambda g: tasks.latch(5, 3, g, noise=math.nan), r"tasks.latch: noise must be .* got nan"),
        (lambda g: tasks.temporal_order(9, 3, g), r"temporal_order: T must be .* at least 10"),
        (lambda g: tasks.temporal_order(20, 3, g, marks=4), r"marks must be 2 or 3, got 4"),
    ],
)
def test_wrong_sizes_say_what_must_hold(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(rng())


@pytest.mark.parametrize("T", [2, 3, 7])
def test_adding_marks_one_number_in_each_half(T: int) -> None:
    task = tasks.adding(T, 200, rng())
    assert task.x.shape == (T, 200, 2) and task.steps.tolist() == [T - 1]
    assert task.x[..., 0].min() >= 0 and task.x[..., 0].max() < 1
    places = set()
    for b in range(200):
        numbers, marks = task.x[:, b].T
        marked = [t for t in range(T) if marks[t] == 1]
        assert len(marked) == 2 and sum(marks) == 2
        assert marked[0] < T // 2 <= marked[1]
        assert task.y[0, b] == numbers[marked[0]] + numbers[marked[1]]
        places.add(tuple(marked))
    assert len(places) == (T // 2) * (T - T // 2)
    assert task.chance == 1 / 6


def test_copy_asks_for_the_word_after_the_signal() -> None:
    lag, symbols, length = 4, 5, 2
    task = tasks.copy(lag, 30, rng(), symbols=symbols, length=length)
    assert task.x.shape == (8, 30, 7) and task.outputs == 6
    assert np.array_equal(task.x.sum(axis=-1), np.ones((8, 30)))
    for b in range(30):
        tokens = [int(np.flatnonzero(row)[0]) for row in task.x[:, b]]
        word = tokens[:length]
        assert max(word) < symbols
        assert tokens[length:] == [symbols] * (lag - 1) + [symbols + 1] + [symbols] * length
        assert task.y[:, b].tolist() == [symbols] * (length + lag) + word
    assert task.steps.tolist() == list(range(8))
    assert task.chance == pytest.approx(2 * math.log(5) / 8, rel=1e-15)


def test_copy_in_its_paper_has_lag_plus_twenty_steps_and_nine_classes() -> None:
    task = tasks.copy(30, 2, rng())
    assert task.x.shape == (50, 2, 10) and task.outputs == 9
    assert task.chance == pytest.approx(10 * math.log(8) / 50, rel=1e-15)


def test_parity_counts_the_ones_so_far() -> None:
    task = tasks.parity(9, 20, rng())
    assert task.x.shape == (9, 20, 1) and set(task.x.ravel()) == {0.0, 1.0}
    for b in range(20):
        assert task.y[:, b].tolist() == list(accumulate((int(v) for v in task.x[:, b, 0]), xor))
    assert task.chance == pytest.approx(math.log(2), rel=1e-15)


def test_latch_shows_the_symbol_once_and_then_noise() -> None:
    task = tasks.latch(51, 400, rng(), symbols=3, noise=0.5)
    assert task.x.shape == (51, 400, 3) and task.steps.tolist() == [50]
    assert np.array_equal(task.x[0], np.eye(3)[task.y[0]])
    noise = task.x[1:]
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.5, abs=0.01)
    assert task.chance == pytest.approx(math.log(3), rel=1e-15)
    assert np.all(tasks.latch(5, 3, rng(), noise=0).x[1:] == 0)


@pytest.mark.parametrize(
    ("T", "marks", "windows"),
    [
        (100, 2, [(10, 20), (50, 60)]),
        (100, 3, [(10, 20), (33, 43), (66, 76)]),
        (10, 2, [(1, 2), (5, 6)]),
        (10, 3, [(1, 2), (3, 4), (6, 7)]),
    ],
)
def test_temporal_order_reads_the_marks_as_a_binary_number(T, marks, windows) -> None:
    task = tasks.temporal_order(T, 500, rng(), marks=marks)
    assert task.x.shape == (T, 500, 8) and task.outputs == 2**marks
    seen: list[set[int]] = [set() for _ in windows]
    for b in range(500):
        text = "".join("abcdXYEB"[int(np.flatnonzero(row)[0])] for row in task.x[:, b])
        assert text[0] == "E" and text[-1] == "B" and set(text[1:-1]) <= set("abcdXY")
        at = [t for t, letter in enumerate(text) if letter in "XY"]
        assert len(at) == marks
        for t, (first, last), places in zip(at, windows, seen, strict=True):
            assert first <= t < last
            places.add(t)
        word = "".join(text[t] for t in at).replace("X", "0").replace("Y", "1")
        assert task.y[0, b] == int(word, 2)
    assert [len(places) for places in seen] == [last - first for first, last in windows]


def test_sunspots_are_the_309_yearly_numbers() -> None:
    years, numbers = tasks.sunspots()
    assert years.shape == numbers.shape == (309,) and numbers.dtype == np.float64
    assert (years[0], years[-1]) == (1700, 2008) and all(b - a == 1 for a, b in pairwise(years))
    known = dict(zip(years.tolist(), numbers.tolist(), strict=True))
    # the first and the last year, a year without a spot, the highest maximum
    assert (known[1700], known[1712], known[1957], known[2008]) == (5.0, 0.0, 190.2, 2.9)


def series() -> tuple[np.ndarray, np.ndarray]:
    years = np.arange(1900, 1920)
    return years, 3.0 + rng().standard_normal(20) * np.linspace(1, 5, 20)


class TestForecasting:
    def data(self) -> tasks.Forecasting:
        return tasks.forecasting(*series(), length=3, train_to=1910, validation_to=1914)

    def test_each_year_is_asked_for_once_and_in_order(self) -> None:
        data = self.data()
        parts = (data.train, data.validation, data.test)
        assert [part.years.tolist() for part in parts] == [
            list(range(1903, 1911)),
            list(range(1911, 1915)),
            list(range(1915, 1920)),
        ]

    def test_a_window_holds_the_years_before_the_one_asked_for(self) -> None:
        data = self.data()
        known = dict(zip(*(a.tolist() for a in series()), strict=True))
        for part in (data.train, data.validation, data.test):
            assert part.x.shape == (3, len(part.years), 1) and part.y.shape == part.years.shape
            for n, year in enumerate(part.years.tolist()):
                window = data.unscaled(part.x[:, n, 0])
                assert window == pytest.approx([known[year - 3 + k] for k in range(3)])
                assert data.unscaled(part.y[n]) == pytest.approx(known[year])

    def test_the_scale_is_that_of_the_training_years_alone(self) -> None:
        years, numbers = series()
        changed = numbers.copy()
        changed[years > 1910] += 100.0
        for given in (numbers, changed):
            data = tasks.forecasting(years, given, length=3, train_to=1910, validation_to=1914)
            assert data.mean == pytest.approx(numbers[:11].mean(), rel=1e-14)
            assert data.std == pytest.approx(numbers[:11].std(), rel=1e-14)

    def test_no_validation_part(self) -> None:
        data = tasks.forecasting(*series(), length=3, train_to=1910, validation_to=1910)
        assert data.validation.x.shape == (3, 0, 1) and data.test.years[0] == 1911

    def test_rmse_is_in_units_of_the_series(self) -> None:
        data = self.data()
        wrong = data.test.y + np.array([1.0, -2.0, 0.5, 0.0, 3.0])
        expected = data.std * math.sqrt((1 + 4 + 0.25 + 0 + 9) / 5)
        assert data.rmse(wrong, data.test) == pytest.approx(expected, rel=1e-13)
        with pytest.raises(ValueError, match=r"Forecasting.rmse: forecast must have shape \(5,\)"):
            data.rmse(wrong[:, None], data.test)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"length": 0}, "length must be a whole number of at least 1, got 0"),
            ({"train_to": 1902}, r"must hold 1903 .* <= train_to .* got train_to 1902"),
            ({"validation_to": 1909}, "got train_to 1910 and validation_to 1909"),
            ({"validation_to": 1919}, r"< 1919 \(the last year\)"),
            ({"years": series()[0][:-1]}, r"years must be an array of shape \(20,\)"),
            ({"years": np.delete(np.arange(1900, 1921), 5)}, "without gaps"),
            ({"numbers": series()[1][:, None]}, r"numbers must have shape \(N,\)"),
            ({"numbers": np.full(20, 3.0)}, "numbers must vary over the training years"),
        ],
    )
    def test_mistakes(self, change: dict, message: str) -> None:
        years, numbers = series()
        good = {"years": years, "numbers": numbers, "length": 3}
        with pytest.raises(ValueError, match=rf"tasks\.forecasting: .*{message}"):
            tasks.forecasting(**(good | {"train_to": 1910, "validation_to": 1914} | change))

    def test_persistence_is_the_last_year_of_the_window(self) -> None:
        data = self.data()
        forecast = tasks.persistence(data.test.x)
        assert data.unscaled(forecast) == pytest.approx(series()[1][14:19])

    def test_autoregression_finds_the_rule_that_made_the_series(self) -> None:
        numbers = [1.0, 2.0]
        for _ in range(28):
            numbers.append(5.0 + 1.5 * numbers[-1] - 0.9 * numbers[-2])
        data = tasks.forecasting(
            np.arange(1900, 1930), np.array(numbers), length=4, train_to=1915, validation_to=1915
        )
        forecast = tasks.autoregression(data.train, 2)(data.test.x)
        assert data.unscaled(forecast) == pytest.approx(numbers[16:], rel=1e-9)
        assert data.rmse(tasks.autoregression(data.train, 1)(data.test.x), data.test) > 1

    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_autoregression_is_the_least_squares_fit(self, order: int) -> None:
        train = self.data().train
        residual = train.y - tasks.autoregression(train, order)(train.x)
        assert residual.sum() == pytest.approx(0, abs=1e-12)
        for k in range(1, order + 1):
            assert residual @ train.x[-k, :, 0] == pytest.approx(0, abs=1e-12)

    def test_autoregression_cannot_look_further_back_than_its_window(self) -> None:
        with pytest.raises(ValueError, match="order must be at most the 3 years of a window"):
            tasks.autoregression(self.data().train, 4)
