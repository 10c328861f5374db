"""The check rejects every small change of every solution that computes something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mutants import SOLUTIONS, Found, Names, Trial, changes, has_places, mutants, run, trials

from rnnlab.questions import question

SAMPLE = 6  # a question; the command line runs them all
FLOOR = 0.9  # of those that differ are diagnosed, or led to the place of the change


@cache
def found(path: Path) -> list[tuple[str, Found]]:
    return [(t.asked.id, f) for t in trials(path) for f in run(t, SAMPLE)]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
def test_a_mutant_is_rejected_when_and_only_when_it_differs(path: Path) -> None:
    wrong = [
        f"{name} {f.compared}\n{f}"
        for name, f in found(path)
        if f.verdict.passed != (f.compared == "equal")
    ]
    assert found(path)
    assert not wrong, "\n".join(wrong)


def test_the_words_lead_to_the_place_of_the_change() -> None:
    different = [
        f
        for path in SOLUTIONS
        for name, f in found(path)
        if f.compared == "different" and has_places(question(name))
    ]
    missed = [str(f) for f in different if not f.how]
    assert 1 - len(missed) / len(different) >= FLOOR, "\n".join(missed)


GATE = """def forget_gate(x_t, h_prev, W_f, V_f, b_f):
    ### BEGIN SOLUTION
    a_f = x_t @ W_f.T + h_prev @ V_f.T + b_f
    return 1 / (1 + np.exp(-a_f))
    ### END SOLUTION
"""


def gate() -> Trial:
    return Trial(question("04.forget_gate"), GATE, {"np": np})


def test_mutants_are_the_slips_of_a_learner() -> None:
    lines = {m.now for m in mutants(GATE, question("04.forget_gate"))}
    assert {
        "a_f = x_t @ W_f.T - h_prev @ V_f.T + b_f",
        "a_f = x_t @ W_f.T + h_prev @ V_f.T",
        "a_f = x_t @ W_f.T + h_prev @ V_f + b_f",
        "a_f = h_prev @ W_f.T + h_prev @ V_f.T + b_f",
        "a_f = x_t @ V_f.T + h_prev @ V_f.T + b_f",
        "return 1 / (2 + np.exp(-a_f))",
        "return 1 / (1 + np.exp(a_f))",
        "return -(1 / (1 + np.exp(-a_f)))",
        "pass",
    } <= lines


def test_loops_are_turned_and_sums_overwritten() -> None:
    tree = ast.parse("def f(x, T):\n for t in reversed(range(T)):\n  s += g(x[t], axis=0)")
    names = Names.of(tree)

    def every(node: ast.AST, slot: str) -> Iterator[str]:
        for child_slot, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    for _, new in changes(child, node, child_slot, names):
                        yield ast.unparse(ast.fix_missing_locations(new))
                    yield from every(child, child_slot)

    made = set(every(tree, "body"))
    assert {"range(T)", "s = g(x[t], axis=0)", "t - 1", "t + 1", "1", "g(x[t])"} <= made


@pytest.mark.parametrize(
    ("source", "compared"),
    [
        ("return 0.5 + 0.5 * np.tanh((h_prev @ V_f.T + x_t @ W_f.T + b_f) / 2)", "equal"),
        ("return 1 / (1 + np.exp(-(x_t @ W_f.T + h_prev @ V_f + b_f)))", "different"),
        ("x_t += 0 * x_t + 1; return 1 / (1 + np.exp(-(x_t @ W_f.T + b_f)))", "different"),
        ("x_t = x_t[:7]; return 1 / (1 + np.exp(-(x_t @ W_f.T + h_prev @ V_f.T + b_f)))", "equal"),
        ("while True: pass", "fails"),
        ("return x_t @ V_f @ W_f.T @ x_t", "fails"),
    ],
)
def test_own_probes_tell_equal_from_different(source: str, compared: str) -> None:
    trial = gate()
    head = GATE.partition("\n")[0]
    assert trial.compare(trial.defined(f"{head}\n    {source}")) == compared
    assert trial.outside == 0


def test_own_probes_hold_one_step_one_example_one_unit_and_saturation() -> None:
    probes = [probe for probe, _, _ in gate().probes]
    shapes = [probe["x_t"].shape + probe["h_prev"].shape[1:] for probe in probes]
    assert {1, 7} <= {B for B, _, _ in shapes} & {D for _, D, _ in shapes} & {
        H for _, _, H in shapes
    }
    assert max(np.abs(probe["W_f"]).max() for probe in probes) > 20
