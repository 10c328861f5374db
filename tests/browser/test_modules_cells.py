"""The modules of the explorers of one cell, on a blank page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pages import check_drawn, check_inputs, check_key, check_labels, check_presets, show

from rnnlab.explorers import LSTMStepExplorer
from rnnlab.params import LSTMParams

pytestmark = pytest.mark.browser

WIDTHS = (480, 800, 1200)


def state(widget: Any) -> dict[str, Any]:
    """The widget's values as its module gets them."""
    return {name: value for name, value in widget.get_state().items() if name[0] != "_"}


def random_step(rng: np.random.Generator, cell: Any = None) -> LSTMStepExplorer:
    drawn = LSTMParams.init(1, 1, rng)
    p = LSTMParams(**{name: rng.normal(0, 2, array.shape) for name, array in drawn.items()})
    x, h_prev, C_prev = (rng.uniform(-1, 1, 3) * (2, 1, 2)).tolist()
    return LSTMStepExplorer(cell, p=p, x=x, h_prev=h_prev, C_prev=C_prev)


def test_the_step_and_its_words_equal_those_of_python(page: Any) -> None:
    rng = np.random.default_rng(40)
    steps = [random_step(rng) for _ in range(100)]
    said = page.evaluate(
        """async (all) => {
          const { stepValues, sentence } = await import("/lstm_step.js");
          const stages = [0, 1, 2, 3, 4];
          return all.map((values) => [
            stepValues(values), stages.map((stage) => sentence({ ...values, stage })),
          ]);
        }""",
        [{name: state(step)[name] for name in (*step.moved, "weights")} for step in steps],
    )
    for step, (values, sentences) in zip(steps, said, strict=True):
        wanted = step.values()._asdict()
        assert values.keys() == wanted.keys()
        for name, value in wanted.items():
            assert values[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
        assert sentences == [step.sentence(stage) for stage in range(5)]


STEP_KEYS = {
    "x, input": "x",
    "h, last output": "h_prev",
    "C, old cell": "C_prev",
    "a_f, into the forget gate": "b_f",
    "a_i, into the input gate": "b_i",
    "a_g, into the candidate": "b_g",
    "a_o, into the output gate": "b_o",
}


def test_the_arrow_key_moves_each_input_of_the_step(page: Any) -> None:
    show(page, LSTMStepExplorer(stage=4))
    for name, trait in STEP_KEYS.items():
        check_key(page, name, trait)
    # a pre-activation follows x, for it is computed from it
    a_f = page.get_by_role("slider", name="a_f, into the forget gate")
    before = float(a_f.input_value())
    page.get_by_role("slider", name="x, input").press("ArrowRight")
    assert float(a_f.input_value()) == pytest.approx(before - 0.1)


def test_the_stages_uncover_the_step(page: Any) -> None:
    step = LSTMStepExplorer()
    show(page, step)
    unknown = []
    for stage in range(5):
        check_drawn(page)
        assert page.locator(".rl-status").inner_text() == step.sentence(stage)
        unknown.append(page.locator(".rl-unknown").count())
        if stage < 4:
            page.get_by_role("radio").nth(stage).press("ArrowRight")
            assert page.evaluate("state.stage") == stage + 1
            assert page.get_by_role("radio").nth(stage + 1).is_checked()
    assert unknown == sorted(unknown, reverse=True) and unknown[0] > 8 and unknown[-1] == 0
    sums = page.locator(".rl-equations").inner_text().replace("\n", " ")
    assert "= 0.50 · 0.50 + 1.00 · 0.20 + 0.40 = 0.85" in sums
    assert "= 0.70 · 0.81 = 0.57" in sums
    again = page.get_by_role("button", name="Start again")
    again.press("Enter")
    assert page.evaluate("state.stage") == 0
    page.get_by_role("button", name="Next stage").press("Enter")
    assert page.evaluate("state.stage") == 1


def test_only_a_new_stage_moves_and_none_where_motion_is_unwanted(page: Any) -> None:
    show(page, LSTMStepExplorer(stage=2))
    pours = page.locator("[class*=rl-pour]")
    assert pours.count() == 0
    page.get_by_role("button", name="Next stage").press("Enter")
    assert pours.count() == 1
    style = "(e) => getComputedStyle(e).animationName"
    assert pours.first.evaluate(style) == "rl-pour-right"
    page.emulate_media(reduced_motion="reduce")
    assert pours.first.evaluate(style) == "none"
    page.get_by_role("slider", name="x, input").press("ArrowRight")
    assert pours.count() == 0


def test_presets_inputs_and_labels_of_the_step(page: Any) -> None:
    check_presets(page, LSTMStepExplorer())
    check_inputs(page)
    rng = np.random.default_rng(41)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for stage in (0, 2, 4):
            step = random_step(rng)
            step.stage, step.C_prev, step.b_o = stage, -2.0, -20.0
            check_labels(page, step)


def wrong_step(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    one = np.ones(1)
    return 0.3 * one, 1.9 * one, 0.5 * one, 0.25 * one, 0.8 * one, 0.6 * one


def fails(x_t: Any, h_prev: Any, C_prev: Any, p: Any) -> Any:
    print("<b>here</b>")
    raise RuntimeError("no such gate")


def test_an_own_step_is_drawn_and_held_against_its_equations(page: Any) -> None:
    step = LSTMStepExplorer(wrong_step, stage=3)
    show(page, step)
    check_drawn(page)
    assert page.get_by_text("Computed in Python by your wrong_step.").is_visible()
    picture = page.locator(".rl-picture").text_content()
    assert "Ct = 1.90" in picture and "ft = 0.50" in picture
    assert page.locator(".rl-status").inner_text() == step.sentence()
    assert "says 1.9000, this line gives 0.7000" in page.locator(".rl-off").inner_text()
    # until Python answers, the picture stays with the values that it has answered to
    assert page.get_by_text("Waiting for Python").count() == 0
    page.get_by_role("slider", name="x, input").press("ArrowRight")
    assert page.get_by_text("Waiting for Python").is_visible()
    assert "xt = 0.50" in page.locator(".rl-picture").text_content()
    step.x = 0.6
    page.evaluate("(answer) => model.set('answer', answer)", step.answer)
    assert page.get_by_text("Waiting for Python").count() == 0
    assert "xt = 0.60" in page.locator(".rl-picture").text_content()


def test_an_own_step_that_fails_shows_its_error(page: Any) -> None:
    step = LSTMStepExplorer(fails, stage=4)
    show(page, step)
    check_drawn(page)
    assert "fails raised RuntimeError: no such gate" in page.get_by_role("alert").inner_text()
    assert page.locator("pre").inner_text().strip() == "<b>here</b>"
    assert page.locator(".rl-status").inner_text() == step.sentence()
    assert "ht = ?" in page.locator(".rl-picture").text_content()
