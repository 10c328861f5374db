"""The explorers' modules on a blank page, where a plain object stands in for the widget's model."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from pages import check_inputs, check_labels, show

from rnnlab.cells import gru_step, lstm_step, rnn_step
from rnnlab.explorers import ConveyorBelt, Predict
from rnnlab.explorers.esm import joined
from rnnlab.layers import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from rnnlab.params import GRUParams, LSTMParams, RNNParams

pytestmark = pytest.mark.browser

CELLS = """async (settings) => {
  const cells = await import("/cells.js");
  const answers = JSON.parse(settings).map(({ cell, x_t, h_prev, C_prev, p, reset, dh, dC }) => {
    if (cell === "rnn") {
      const step = cells.rnnStep(x_t, h_prev, p);
      return { step, grads: cells.rnnStepBackward(x_t, h_prev, p, step, dh) };
    }
    if (cell === "lstm") {
      const step = cells.lstmStep(x_t, h_prev, C_prev, p);
      return { step, grads: cells.lstmStepBackward(x_t, h_prev, C_prev, p, step, dh, dC) };
    }
    const step = cells.gruStep(x_t, h_prev, p, reset);
    return { step, grads: cells.gruStepBackward(x_t, h_prev, p, step, dh, reset) };
  });
  return JSON.stringify(answers);
}"""


def setting(n: int, rng: np.random.Generator, scale: float = 1.0) -> tuple[dict[str, Any], Any]:
    """The n-th random case: what the browser gets, and the weights that are in it."""
    cell, reset = [("rnn", ""), ("lstm", ""), ("gru", "before"), ("gru", "after")][n % 4]
    D, H = 1 + n // 4 % 3, 1 + n // 12 % 4
    kind = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}[cell]
    # b_hv is optional: half of the "after" cases leave it out
    draw = {"reset": "after"} if reset == "after" and n % 8 == 3 else {}
    drawn = kind.init(D, H, rng, **draw)
    p = kind(**{name: scale * rng.normal(0, 0.8, array.shape) for name, array in drawn.items()})
    states = ("h_prev", "C_prev", "dh", "dC") if cell == "lstm" else ("h_prev", "dh")
    sent = {name: rng.normal(size=H).tolist() for name in states}
    weights = {name: array.tolist() for name, array in p.items()}
    x_t = rng.normal(size=D).tolist()
    return {**sent, "x_t": x_t, "cell": cell, "reset": reset, "p": weights}, p


def reference(sent: dict[str, Any], p: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One step by rnnlab.cells and its gradients by rnnlab.layers, with their JavaScript names."""
    x_t, h_prev, dh = (np.array(sent[name]) for name in ("x_t", "h_prev", "dh"))
    x, h0 = x_t[None, None], h_prev[None]
    if sent["cell"] == "rnn":
        step = rnn_step(x_t, h_prev, p)
        grads = rnn_backward(rnn_forward(x, h0, p), dh[None, None])
    elif sent["cell"] == "lstm":
        C_prev, dC = np.array(sent["C_prev"]), np.array(sent["dC"])
        step = lstm_step(x_t, h_prev, C_prev, p)
        trace = lstm_forward(x, h0, C_prev[None], p)
        grads = lstm_backward(trace, dh[None, None], dC_T=dC[None])
    else:
        step = gru_step(x_t, h_prev, p, reset=sent["reset"])
        grads = gru_backward(gru_forward(x, h0, p, reset=sent["reset"]), dh[None, None])
    named = {f"d{name}": array for name, array in grads.params.items()}
    named |= {"dx_t": grads.x[0, 0], "dh_prev": grads.h0[0]}
    if sent["cell"] == "lstm":
        named["dC_prev"] = grads.C0[0]
    return step._asdict(), named


def test_cells_equal_the_reference_cells(page: Any) -> None:
    rng = np.random.default_rng(20)
    cases = [setting(n, rng) for n in range(500)]
    got = json.loads(page.evaluate(CELLS, json.dumps([sent for sent, _ in cases])))
    for (sent, p), answer in zip(cases, got, strict=True):
        for part, arrays in zip(("step", "grads"), reference(sent, p), strict=True):
            assert answer[part].keys() == arrays.keys()
            for name, array in arrays.items():
                np.testing.assert_allclose(
                    answer[part][name], array, rtol=1e-12, atol=1e-12, err_msg=f"{name} of {sent}"
                )


def test_cells_are_finite_far_out(page: Any) -> None:
    rng = np.random.default_rng(21)
    cases = [setting(n, rng, scale=1e3)[0] for n in range(24)]
    # JSON writes NaN and infinity as null
    numbers = [*_numbers(json.loads(page.evaluate(CELLS, json.dumps(cases))))]
    assert None not in numbers and len(numbers) > 500


def _numbers(nested: Any) -> Any:
    if nested is None or isinstance(nested, (int, float)):
        yield nested
    else:
        for part in nested.values() if isinstance(nested, dict) else nested:
            yield from _numbers(part)


def test_a_wrong_reset_raises(page: Any) -> None:
    said = page.evaluate(
        """async () => {
          const { gruStep } = await import("/cells.js");
          return [[{}, "both"], [{ b_hv: [0] }, "before"]].map(([p, reset]) => {
            try { return gruStep([1], [1], p, reset); } catch (error) { return error.message; }
          });
        }"""
    )
    assert said[0] == 'gruStep: reset must be "before" or "after", got both'
    assert "has no b_hv" in said[1]


def test_the_belt_and_its_words_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(22)
    belts = [
        ConveyorBelt(f=0.0),
        ConveyorBelt(f=1.0, spikes=(3, 3, 40)),
        ConveyorBelt(show=("f",), f=0.5, spikes=(40,)),
    ]
    for _ in range(60):
        f, i, o = rng.uniform(0, 1, 3).round(2).tolist()
        spikes = rng.integers(1, 41, rng.integers(1, 4)).tolist()
        belts.append(ConveyorBelt(f=f, i=i, o=o, spikes=spikes))
        belts[-1].t = int(rng.integers(1, 41))
    names = ("f", "i", "o", "spikes", "t", "show")
    said = page.evaluate(
        """async (all) => {
          const { belt, halfLife, sentence } = await import("/conveyor_belt.js");
          return all.map((values) => [
            belt(values).map(({ C }) => C),
            belt(values).map(({ h }) => h),
            String(halfLife(values.f)),
            sentence(values),
          ]);
        }""",
        [{name: getattr(belt, name) for name in names} for belt in belts],
    )
    for belt, (C, h, half_life, sentence) in zip(belts, said, strict=True):
        np.testing.assert_allclose(C, belt.states().C, rtol=0, atol=1e-12)
        np.testing.assert_allclose(h, belt.states().h, rtol=0, atol=1e-12)
        assert float(half_life) == pytest.approx(belt.half_life, rel=1e-14)
        assert sentence == belt.sentence()


KEYS = {
    "f, forget gate": ("f", 0.5, 0.51),
    "i, input gate": ("i", 0.5, 0.51),
    "o, output gate": ("o", 0.5, 0.51),
    "spike at step": ("spikes", [5], [6]),
    "read at step": ("t", 20, 21),
}


@pytest.mark.parametrize("name", KEYS)
def test_the_arrow_key_moves_each_input_and_the_picture(page: Any, name: str) -> None:
    trait, before, after = KEYS[name]
    belt = ConveyorBelt(f=0.5, i=0.5, o=0.5)
    belt.t = 20 if trait == "t" else 7
    show(page, belt)
    slider = page.get_by_role("slider", name=name, exact=True)
    drawn = page.locator(".rl-picture").inner_html()
    assert page.evaluate(f"state.{trait}") == before
    slider.press("ArrowRight")
    assert page.evaluate(f"state.{trait}") == after
    assert page.evaluate("saved") == 1
    assert page.locator(".rl-picture").inner_html() != drawn
    shown = slider.locator("xpath=..").locator("output").inner_text()
    assert float(shown) == (after[0] if isinstance(after, list) else after)
    assert "NaN" not in page.content()


def test_what_stands_on_the_picture(page: Any) -> None:
    show(page, ConveyorBelt(f=0.98))
    picture = page.get_by_role("img")
    title = picture.locator("title").text_content()
    assert title == page.locator(".rl-status").inner_text()
    assert "half is left after 34.3 steps" in title and "C = 0.493" in title
    words = picture.text_content()
    assert "half-life 34.3 steps" in words and "C₄₀ = 0.493" in words and "h₄₀ = 0.457" in words
    assert picture.locator(".rl-bar").count() == 40
    sums = page.locator(".rl-equations").inner_text().replace("\n", " ")
    assert "C₄₀ = f · C₃₉ + i · C̃₄₀ = 0.98 · 0.503 + 1.00 · 0 = 0.493" in sums
    assert "h₄₀ = o · tanh(C₄₀) = 1.00 · tanh(0.493) = 0.457" in sums


def test_the_forget_gate_alone(page: Any) -> None:
    show(page, ConveyorBelt(show=("f",)))
    assert page.get_by_role("slider").count() == 3  # f, the spike's step, the step that is read
    assert "C₄₀ = f · C₃₉ + spike₄₀" in page.locator(".rl-equations").inner_text()
    assert "h₄₀" not in page.content()


def test_presets_ask_and_reset_returns(page: Any) -> None:
    belt = ConveyorBelt(f=0.3, spikes=(2, 9))
    show(page, belt)
    names = [preset["name"] for preset in belt.presets]
    assert 3 <= len(names) <= 4
    for preset in belt.presets:
        button = page.get_by_role("button", name=preset["name"], exact=True)
        button.press("Enter")
        assert page.get_by_text(preset["question"]).is_visible()
        assert button.get_attribute("aria-pressed") == "true"
        assert page.evaluate("state.f") == preset["f"]
        assert page.evaluate("state.spikes") == preset["spikes"]
    page.get_by_role("button", name="Reset").press("Enter")
    assert page.evaluate("[state.f, state.spikes, state.o]") == [0.3, [2, 9], 1]
    assert page.get_by_role("slider", name="f, forget gate").input_value() == "0.3"


def test_spikes_are_added_and_removed(page: Any) -> None:
    show(page, ConveyorBelt(spikes=(35,)))
    more = page.get_by_role("button", name="+ spike")
    more.press("Enter")
    more.press("Enter")
    assert page.evaluate("state.spikes") == [35, 40, 40]
    assert more.is_disabled()
    page.get_by_role("slider", name="spike 2 at step").press("ArrowLeft")
    assert page.evaluate("state.spikes") == [35, 39, 40]
    page.get_by_role("button", name="− spike").press("Enter")
    assert page.evaluate("state.spikes") == [35, 39]


def test_python_moves_the_inputs_and_a_closed_view_hears_no_more(page: Any) -> None:
    show(page, ConveyorBelt())
    page.evaluate("model.set('f', 0.25)")
    assert page.get_by_role("slider", name="f, forget gate").input_value() == "0.25"
    assert page.evaluate("listening()") > 0
    page.evaluate("stop()")
    assert page.evaluate("listening()") == 0


@pytest.mark.parametrize("width", [480, 800, 1200])
def test_labels_keep_apart(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for f, spikes in ((0.99, (1, 2, 3)), (0.0, (40,)), (1.0, (38, 39)), (0.5, (20,))):
        check_labels(page, ConveyorBelt(f=f, spikes=spikes))


def test_every_input_is_named_and_keeps_its_keys(page: Any) -> None:
    for widget in (ConveyorBelt(), Predict("Which?", {"a": "x", "b": "y"}, correct="a")):
        show(page, widget)
        check_inputs(page)


def test_both_palettes_are_one(page: Any) -> None:
    from rnnlab.plots import MARKS, PALETTE

    palette, marks = page.evaluate(
        "import('/drawing.js').then(({ PALETTE, MARKS }) => [PALETTE, MARKS])"
    )
    assert palette == PALETTE
    assert marks.keys() == MARKS.keys()
    shapes = {"s": "square", "^": "triangle", "v": "drop", "D": "diamond", "o": "circle"}
    shapes |= {"P": "cross", "*": "star"}
    for name, mark in MARKS.items():
        bar = not isinstance(mark.marker, str)
        assert marks[name]["shape"] == ("bar" if bar else shapes[mark.marker])
        assert (marks[name]["dash"] == "none") == (mark.line == "-")


QUESTION = "Is `f = 1` <b>open</b>?"
CHOICES = {"yes, `1`": "It keeps <i>all</i>.", "no": "0 would be `closed`.", "never": "Look again."}


def test_one_click_records_the_prediction_and_answers_it(page: Any) -> None:
    show(page, Predict(QUESTION, CHOICES, correct="yes, `1`"))
    assert page.get_by_role("status").count() == 0
    for choice, answer in CHOICES.items():
        button = page.get_by_role("button", name=choice.replace("`", ""))
        button.press("Enter")
        assert page.evaluate("state.choice") == choice
        assert button.get_attribute("aria-pressed") == "true"
        said = page.get_by_role("status").inner_text()
        assert answer.replace("`", "") in said
        assert ("Right" in said) == (choice == "yes, `1`")
        pressed = page.locator("[aria-pressed=true]")
        assert pressed.count() == 1
    assert page.evaluate("saved") == 3


def test_a_recorded_prediction_survives_and_text_is_never_markup(page: Any) -> None:
    predict = Predict(QUESTION, CHOICES, correct="yes, `1`")
    predict.choice = "no"
    show(page, predict)
    assert page.get_by_role("button", name="no").get_attribute("aria-pressed") == "true"
    assert "0 would be closed." in page.get_by_role("status").inner_text()
    assert page.locator("b, i").count() == 0
    assert page.get_by_text("<b>open</b>").is_visible()
    assert page.locator("code").all_inner_texts() == ["f = 1", "1", "closed"]


def test_what_is_joined_is_one_module_that_needs_no_other() -> None:
    for name in ("conveyor_belt.js", "predict.js"):
        assert not re.search(r"^import|^export (?!default|function|const)", joined(name), re.M)
