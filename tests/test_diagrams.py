"""The drawings of the cells: what they say in words, what they hold, and what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnnlab import diagrams
from rnnlab.cells import gru_step, lstm_step
from rnnlab.params import GRUParams, LSTMParams

pytest.importorskip("matplotlib")


def texts(picture: diagrams.Picture) -> list[str]:
    figure = picture.figure
    return [t.get_text() for ax in figure.axes for t in ax.texts if t.get_text()]


def test_each_part_of_the_lstm_adds_to_the_drawing_and_to_its_words() -> None:
    drawn = set[str]()
    for k in range(1, 7):
        parts = diagrams.LSTM_PARTS[:k]
        picture = diagrams.lstm(*parts, now=parts[-1])
        assert f"New: {diagrams._LSTM_WORDS[parts[-1]]}" in picture.alt
        assert all(diagrams._LSTM_WORDS[part] in picture.alt for part in parts)
        assert drawn <= set(texts(picture))
        drawn = set(texts(picture))
    assert {"σ", "tanh", "×", "+", "$C_t$", "$h_t$", "$x_t$"} <= drawn
    assert picture.alt.startswith("The LSTM.") and len(picture.figure.axes[0].patches) == 9


def test_the_numbers_are_those_of_the_cell() -> None:
    rng = np.random.default_rng(3)
    x, h, C = rng.standard_normal(2), rng.standard_normal(1), np.array([-1.5])
    step = lstm_step(x, h, C, LSTMParams.init(2, 1, rng))
    values = {name: value.item() for name, value in step._asdict().items()}
    picture = diagrams.lstm(*diagrams.LSTM_PARTS, values=values | {"C_prev": -1.5})
    for name, value in values.items():
        assert f"{name} = {value:.2f}" in picture.alt
    assert "\N{MINUS SIGN}1.50" in texts(picture)
    blend = gru_step(x, h, GRUParams.init(2, 1, rng))
    gates = {name: value.item() for name, value in blend._asdict().items()}
    words = " ".join(texts(diagrams.gru(*diagrams.GRU_PARTS, values=gates)))
    assert f"$z_t$ = {gates['z']:.2f}" in words and f"$r_t$ = {gates['r']:.2f}" in words


@pytest.mark.parametrize(
    "picture",
    [
        diagrams.lstm(*diagrams.LSTM_PARTS, values=dict.fromkeys(diagrams._SYMBOLS, -0.25)),
        diagrams.gru(*diagrams.GRU_PARTS, values=dict.fromkeys(diagrams._SYMBOLS, -0.25)),
        diagrams.unrolled(6, losses="every", backward=True),
        diagrams.lstm_backward(dict.fromkeys(diagrams._GRADIENTS, -0.25)),
    ],
    ids=("lstm", "gru", "unrolled", "lstm backward"),
)
def test_words_do_not_touch_and_stay_on_the_page(picture: diagrams.Picture) -> None:
    picture.png()
    figure = picture.figure
    renderer = figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts if t.get_text()]
    assert len(boxes) > 10
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    page = figure.bbox
    assert all(page.x0 <= b.x0 and b.x1 <= page.x1 and page.y0 <= b.y0 for b in boxes)


def test_drawings_are_the_same_each_time() -> None:
    assert diagrams.lstm("f", now="f").png() == diagrams.lstm("f", now="f").png()


def test_the_way_back_is_said() -> None:
    picture = diagrams.unrolled(4, losses="every", backward=True)
    assert "h_1 to h_4" in picture.alt and "back through V to step 1" in picture.alt
    assert "$L_4$" in texts(picture) and "$L$" in texts(diagrams.unrolled(4))


def test_the_way_back_through_a_step_shows_each_gradient_by_its_name() -> None:
    # all different, so that no two wires can be exchanged
    gradients = {name: (k + 1) / 16 for k, name in enumerate(diagrams._GRADIENTS)}
    picture = diagrams.lstm_backward(gradients)
    for name, value in gradients.items():
        assert f"{name} = {value:.2f}" in picture.alt
        assert f"{diagrams._GRADIENTS[name]} = {value:.2f}" in texts(picture)
    assert texts(picture).count("+") == 2 and texts(picture).count("×") == 3
    at = {t.get_text(): t.get_position() for t in picture.figure.axes[0].texts}
    for row in (("dC_prev", "dC_t", "dC"), ("df", "di", "dC_tilde", "do"),
                ("da_f", "da_i", "da_g", "da_o", "dh")):  # fmt: skip
        xs = [at[f"{diagrams._GRADIENTS[name]} = {gradients[name]:.2f}"][0] for name in row]
        assert xs == sorted(xs), row


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: diagrams.lstm("z"), "parts must be some of f, i, C_tilde, C, o, h, got z"),
        (lambda: diagrams.lstm(), "got none"),
        (lambda: diagrams.gru("z", now="r"), "now must be one of the parts z, got 'r'"),
        (lambda: diagrams.lstm_backward({"dh": 1.0}), "too few: dC, dC_prev, dC_t"),
        (lambda: diagrams.unrolled(9), "steps must be from 2 to 6, got 9"),
        (lambda: diagrams.unrolled(3, losses="some"), 'must be "last", "every" or "none"'),
    ],
)
def test_wrong_use_raises_value_error(draw: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw()  # type: ignore[operator]
