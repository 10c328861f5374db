"""The modules of the explorers of one cell, on a blank page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pages import check_drawn, check_inputs, check_key, check_labels, check_presets, show

from rnnlab.cells import gru_step
from rnnlab.explorers import CellAndHidden, GRUDial, LSTMStepExplorer, Saturation, TokenBelt
from rnnlab.explorers.explorer import fixed
from rnnlab.explorers.token_belt import TOKENS
from rnnlab.params import GRUParams, LSTMParams

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
    one = np.ones((1, 1))
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
    page.get_by_text("Waiting for Python").wait_for(timeout=5000)
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


def random_cell(rng: np.random.Generator) -> CellAndHidden:
    o = rng.choice([0.0, 1.0, 0.35], 10).tolist()
    return CellAndHidden(o, f=round(rng.uniform(), 2), t=int(rng.integers(1, 11)))


def random_saturation(rng: np.random.Generator) -> Saturation:
    scale, C = rng.uniform(0.1, 4), rng.uniform(-8, 8)
    return Saturation(scale, C, unit=int(rng.integers(1, 8)))


def random_dial(rng: np.random.Generator, cell: Any = None) -> GRUDial:
    drawn = GRUParams.init(1, 2, rng)
    p = GRUParams(**{name: rng.normal(0, 1.5, array.shape) for name, array in drawn.items()})
    z, r_1, r_2 = rng.choice([0, 1, 0.5, 0.2, 0.85], 3).tolist()
    return GRUDial(cell, p=p, z=z, r_1=r_1, r_2=r_2, h_1=rng.uniform(-1, 1))


def random_belt(rng: np.random.Generator) -> TokenBelt:
    keep, write, V_f = rng.uniform(0, 12, 3).tolist()
    b_f, b_i = rng.uniform(-6, 6, 2).tolist()
    t = int(rng.integers(1, 11))
    tokens = rng.choice(TOKENS, 10).tolist()
    return TokenBelt(tokens, keep=keep, write=write, V_f=V_f, b_f=b_f, b_i=b_i, t=t)


def numbers(values: Any) -> Any:
    """What Python computes, by name, as the module names it."""
    if isinstance(values, CellAndHidden):
        return values.states()._asdict()
    if isinstance(values, Saturation):
        return values.gates()._asdict()
    if isinstance(values, TokenBelt):
        return values.states()._asdict()
    return {
        f"{reset} {name}": array
        for reset, blends in values.blends().items()
        for name, array in blends._asdict().items()
    }


MODULES = {
    random_cell: (
        "/cell_and_hidden.js",
        "(m, v) => columns(m.cellStates(v), ['C', 'h'])",
    ),
    random_saturation: (
        "/saturation.js",
        "(m, v) => columns(m.gatesAt(v), ['a', 'f', 'slope'])",
    ),
    random_dial: (
        "/gru_dial.js",
        """(m, v) => Object.fromEntries(Object.entries(m.blends(v)).flatMap(([reset, blends]) =>
          Object.entries(blends).map(([name, array]) => [`${reset} ${name}`, array])))""",
    ),
    random_belt: (
        "/token_belt.js",
        "(m, v) => columns(m.beltSteps(v), ['f', 'i', 'C_tilde', 'C', 'h'])",
    ),
}


@pytest.mark.parametrize("draw", MODULES)
def test_values_and_words_equal_those_of_python(page: Any, draw: Any) -> None:
    rng = np.random.default_rng(42)
    explorers = [draw(rng) for _ in range(60)]
    file, values_of = MODULES[draw]
    said = page.evaluate(
        f"""async (all) => {{
          const columns = (steps, names) =>
            Object.fromEntries(names.map((name) => [name, steps.map((step) => step[name])]));
          const values = {values_of};
          const module = await import("{file}");
          return all.map((state) => [values(module, state), module.sentence(state)]);
        }}""",
        [plain(explorer) for explorer in explorers],
    )
    for explorer, (values, sentence) in zip(explorers, said, strict=True):
        wanted = numbers(explorer)
        assert values.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_allclose(values[name], array, rtol=1e-12, atol=1e-12, err_msg=name)
        assert sentence == explorer.sentence()


def plain(explorer: Any) -> dict[str, Any]:
    more = ("weights", "values", "sums")
    return {
        name: value for name, value in state(explorer).items() if name in (*explorer.moved, *more)
    }


KEYS = {
    CellAndHidden: {
        "f, forget gate, all steps": ("f", "ArrowLeft"),
        "output gate at step 3": ("o", "ArrowLeft"),
        "output gate at step 10": ("o", "ArrowDown"),
        "read at step": ("t", "ArrowRight"),
    },
    Saturation: {
        "scale of all weights": ("scale", "ArrowRight"),
        "unit that is read": ("unit", "ArrowRight"),
        "C, cell": ("C", "ArrowLeft"),
    },
    GRUDial: {
        "z, update gate": ("z", "ArrowRight"),
        "r_1, reset gate": ("r_1", "ArrowLeft"),
        "r_2, reset gate": ("r_2", "ArrowRight"),
        "h_1, old h": ("h_1", "ArrowRight"),
    },
    TokenBelt: {
        "W_keep, keep token on f": ("keep", "ArrowRight"),
        "V_f, last h on f": ("V_f", "ArrowRight"),
        "b_f, bias of f": ("b_f", "ArrowRight"),
        "W_write, write token on i": ("write", "ArrowRight"),
        "b_i, bias of i": ("b_i", "ArrowRight"),
        "read at step": ("t", "ArrowRight"),
    },
}
ALL = {
    CellAndHidden: random_cell,
    Saturation: random_saturation,
    GRUDial: random_dial,
    TokenBelt: random_belt,
}


@pytest.mark.parametrize("explorer", KEYS)
def test_the_arrow_key_moves_each_input(page: Any, explorer: Any) -> None:
    show(page, explorer())
    for name, (trait, key) in KEYS[explorer].items():
        check_key(page, name, trait, key)
    assert page.get_by_role("slider").count() == len(KEYS[explorer]) + 8 * (
        explorer is CellAndHidden
    )


@pytest.mark.parametrize("explorer", ALL)
def test_presets_inputs_and_labels(page: Any, explorer: Any) -> None:
    check_presets(page, explorer())
    check_inputs(page)
    rng = np.random.default_rng(43)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for _ in range(2):
            check_labels(page, ALL[explorer](rng))


def test_an_upright_slider_goes_up_and_down(page: Any) -> None:
    show(page, CellAndHidden([0.5] * 10))
    gate = page.get_by_role("slider", name="output gate at step 4", exact=True)
    gate.press("ArrowUp")
    assert page.evaluate("state.o[3]") == 0.55
    gate.press("ArrowDown")
    gate.press("ArrowDown")
    assert page.evaluate("state.o[3]") == 0.45
    gate.press("ArrowRight")
    assert page.evaluate("state.o[3]") == 0.5
    page.get_by_role("button", name="Close all").press("Enter")
    assert page.evaluate("state.o") == [0] * 10
    assert "10 of 10 output gates are closed" in page.locator(".rl-status").inner_text()
    # nothing flows behind a valve that is shut
    ends = """[...document.querySelectorAll("polygon.rl-flow")]
      .map((flow) => flow.getBBox()).map(({ y, height }) => y + height)"""
    assert 200 < max(page.evaluate(ends)) < 215


def test_a_token_is_changed_by_its_button(page: Any) -> None:
    show(page, TokenBelt())
    drawn = page.locator(".rl-picture").inner_html()
    for token in ("write", "none", "keep"):
        page.get_by_role("button", name="token of step 7").press("Enter")
        assert page.evaluate("state.tokens[6]") == token
        button = page.get_by_role("button", name=f"token of step 7: {token}", exact=True)
        assert button.is_visible()
        check_drawn(page)
    assert page.locator(".rl-picture").inner_html() == drawn


@pytest.mark.parametrize("width", [640, 800])
def test_the_names_of_the_dials_inputs_stand_on_one_line(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    show(page, GRUDial())
    heights = page.locator(".rl-label").evaluate_all("(all) => all.map((e) => e.clientHeight)")
    assert len(heights) == 4 and max(heights) < 30  # pixels; two lines take 39


def test_the_dial_marks_which_convention_is_yours(page: Any) -> None:
    rng = np.random.default_rng(44)
    dial = random_dial(rng, lambda *given: tuple(gru_step(*given, reset="after")))
    dial.z, dial.r_1, dial.r_2 = 0.3, 0.9, 0.2
    show(page, dial)
    check_drawn(page)
    assert page.get_by_text("yours").count() == 1
    status = page.locator(".rl-status").inner_text()
    assert status == dial.sentence() and status.endswith("reset after V, z takes the new.")
    other = random_dial(rng, lambda x_t, h_prev, p: (h_prev * 0.5,) * 4)
    check_labels(page, other)
    check_drawn(page)
    assert page.locator(".rl-status").inner_text().endswith("none of the four.")
    assert page.get_by_text(f"yours {fixed(other.h_1 / 2)}, dotted").count() == 4
    broken = random_dial(rng, fails_as_gru)
    show(page, broken)
    check_drawn(page)
    assert "fails_as_gru raised ZeroDivisionError" in page.get_by_role("alert").inner_text()
    assert page.get_by_text("yours", exact=True).count() == 0


def fails_as_gru(x_t: Any, h_prev: Any, p: Any) -> Any:
    return 1 / 0
