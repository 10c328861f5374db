"""Mutation proof of the check: does it reject, and name, every small change of a solution?

    python tests/mutants.py          all solutions
    python tests/mutants.py 08 14    these notebooks

A mutant is a published solution with one place of its syntax tree changed. It is run on probes of
our own (other seeds, one step, one example, one unit, longer, smaller, larger, saturated) and there
compared with the unchanged solution: `equal` or `different`. The check decides without those
probes. It must reject all that are different and none that are equal, and its words should lead to
the place: see `named`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import linecache
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab import calls, notebook
from rnnlab.check import Verdict, judge, truth
from rnnlab.questions import Probe, Question, question

ROOT = Path(__file__).parent.parent
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))
JUDGE_SEED = 7  # our own probes use seeds from 1000 on
SECONDS = 1.0


# ---------------------------------------------------------------- changes of a syntax tree

_OPERATORS: Mapping[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div, ast.MatMult),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}
_COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_FUNCTIONS = {
    "sigmoid": ("np.tanh", "np.exp"),
    "tanh": ("sigmoid", "np.sin"),
    "exp": ("np.log", "np.tanh"),
    "log": ("np.exp", "np.log2"),
    "sqrt": ("np.square",),
    "sum": ("np.mean", "np.prod"),
    "mean": ("np.sum",),
    "prod": ("np.sum",),
    "cumprod": ("np.cumsum",),
    "cumsum": ("np.cumprod",),
    "max": ("np.min",),
    "min": ("np.max",),
    "maximum": ("np.minimum",),
    "minimum": ("np.maximum",),
    "zeros": ("np.ones",),
    "zeros_like": ("np.ones_like",),
    "ones": ("np.zeros",),
    "ones_like": ("np.zeros_like",),
}
_WRAPPERS = {"sigmoid", "tanh", "exp", "log", "sqrt", "reversed", "abs", "round", "list"}

Change = tuple[str, ast.AST]


@dataclass(frozen=True)
class Names:
    """What a solution calls its things, from which a changed name is taken."""

    data: tuple[str, ...]  # arguments and local variables
    steps: frozenset[str]  # those that count the steps of a loop
    attributes: Mapping[str, tuple[str, ...]]  # p -> W_f, V_f, ...; also the keys of a dict
    words: tuple[str, ...]

    @classmethod
    def of(cls, tree: ast.AST) -> Names:
        data: dict[str, None] = {}
        steps: set[str] = set()
        attributes: dict[str, dict[str, None]] = {}
        words: dict[str, None] = {}
        for node in ast.walk(tree):
            match node:
                case ast.arg(arg=name):
                    data[name] = None
                case ast.Name(id=name, ctx=ast.Store()):
                    data[name] = None
                case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name())):
                    steps.add(name)
                case ast.Attribute(value=ast.Name(id=base), attr=name) if name != "T":
                    attributes.setdefault(base, {})[name] = None
                case ast.Subscript(value=ast.Name(id=base), slice=ast.Constant(value=str(key))):
                    attributes.setdefault(base, {})[key] = None
                case ast.Call(args=args):
                    words |= {
                        a.value: None
                        for a in args
                        if isinstance(a, ast.Constant) and isinstance(a.value, str)
                    }
        return cls(
            tuple(data),
            frozenset(steps),
            {k: tuple(v) for k, v in attributes.items()},
            tuple(words),
        )

    def like(self, name: str) -> Iterator[str]:
        """Other names for the same sort of thing: a step's number, a set of weights, an array."""
        for other in self.data:
            alike = (other in self.steps) == (name in self.steps)
            if other != name and alike and (other in self.attributes) == (name in self.attributes):
                yield other


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _with(node: Any, **fields: Any) -> Any:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _function(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _negative(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), node)


def changes(node: ast.AST, parent: ast.AST, slot: str, names: Names) -> Iterator[Change]:
    """Each wrong thing that may stand in the place of `node`, with a word for the kind."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            for other in _OPERATORS.get(type(op), ()):
                yield "operator", _with(node, op=other())
            yield "missing term", left
            yield "missing term", right
            if isinstance(op, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
                yield "operands swapped", _with(node, left=right, right=left)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield "sign", operand
        case ast.BoolOp(op=op):
            yield "operator", _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.Compare(ops=[op]):
            for compared in _COMPARISONS.get(type(op), ()):
                yield "comparison", _with(node, ops=[compared()])
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield "constant", ast.Constant(value + 1)
            yield "constant", ast.Constant(value - 1)
        case ast.Constant(value=float() as value):
            yield "constant", ast.Constant(2 * value if value else 1.0)
            yield "constant", ast.Constant(0.5 * value if value else -1.0)
        case ast.Constant(value=str() as value) if isinstance(parent, ast.Call):
            for word in names.words:
                if word != value:
                    yield "word", ast.Constant(word)
        case ast.Subscript(value=base, slice=ast.Constant(value=str() as key)):
            of = base.id if isinstance(base, ast.Name) else ""
            for word in names.attributes.get(of, ()):
                if word != key:
                    yield "name", _with(node, slice=ast.Constant(word))
        case ast.Attribute(value=value, attr="T"):
            yield "transpose", value
        case ast.Attribute(value=ast.Name(id=base), attr=name) if slot != "func":
            for word in names.attributes[base]:
                if word != name and base != "np":
                    yield "name", _with(node, attr=word)
        case ast.Name() if isinstance(parent, ast.FormattedValue):  # the name of a key, no value
            return
        case ast.Name(id=name, ctx=ast.Load()) if slot != "func" and name in names.data:
            for word in names.like(name):
                yield "name", ast.Name(word, ast.Load())
            if isinstance(parent, ast.Subscript) and slot == "slice":
                yield "index", _expression(f"{name} - 1")
                yield "index", _expression(f"{name} + 1")
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield "index", _with(node, lower=None)
            if upper is not None:
                yield "index", _with(node, upper=None)
        case ast.Call():
            yield from _call_changes(node)
        case ast.Tuple(elts=elements, ctx=ast.Load()):
            for k in range(len(elements) - 1):
                yield "swapped", _with(node, elts=_swapped(elements, k))
        case ast.Return(value=ast.expr() as value):
            yield "sign", _with(node, value=_negative(value))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield "condition", _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.AugAssign(target=target, op=op, value=value):
            yield "overwritten", ast.Assign([target], value)
            for other in _OPERATORS.get(type(op), ()):
                yield "operator", _with(node, op=other())
            yield "dropped", ast.Pass()
        case ast.Assign(targets=[target], value=value):
            if isinstance(target, (ast.Name, ast.Subscript)):
                yield "added", ast.AugAssign(target, ast.Add(), value)
            yield "dropped", ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield "dropped", ast.Pass()
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            if not (isinstance(node, ast.Attribute) and node.attr == "T"):
                yield "transpose", ast.Attribute(node, "T", ast.Load())


def _call_changes(node: ast.Call) -> Iterator[Change]:
    name, args = _function(node), node.args
    for other in _FUNCTIONS.get(name, ()):
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func):
            yield "function", _with(node, func=_with(node.func, attr=other.removeprefix("np.")))
        else:
            yield "function", _with(node, func=_expression(other))
    for k in range(len(args) - 1):
        yield "arguments swapped", _with(node, args=_swapped(args, k))
    for k in range(len(node.keywords)):
        yield "keyword", _with(node, keywords=node.keywords[:k] + node.keywords[k + 1 :])
    if name in _WRAPPERS and args:
        yield "loop direction" if name == "reversed" else "function", args[0]
    if name in ("sigmoid", "tanh", "exp") and args and not isinstance(args[0], ast.UnaryOp):
        yield "sign", _with(node, args=[_negative(args[0])])
    if name == "range":
        yield "loop direction", ast.Call(ast.Name("reversed", ast.Load()), [node], [])
        if len(args) == 1:
            yield "index", _with(node, args=[ast.Constant(1), *args])
            yield "index", _with(node, args=[ast.BinOp(args[0], ast.Sub(), ast.Constant(1))])


def _is_numpy(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id in ("np", "numpy", "math")


def _swapped(items: Sequence[Any], k: int) -> list[Any]:
    return [*items[:k], items[k + 1], items[k], *items[k + 2 :]]


# ---------------------------------------------------------------- mutants of a solution


@dataclass(frozen=True)
class Mutant:
    """A solution with one change, and what the place of the change is about.

    term     the symbols of the summand that was changed, and what its line computes
    lost     the symbols of what was changed, and of the lines that compute them
    outside  the change lies around a sum, not in one of its terms
    steps    it touches an index, a loop, or what one step hands to the next
    near     the parts that its line computes, or that a next line computes from it
    writes   names that its line may write into, and those that it uses
    """

    kind: str
    was: str
    now: str
    source: str
    term: frozenset[str]
    lost: frozenset[str]
    outside: bool
    steps: bool
    near: frozenset[str]
    writes: frozenset[str]


class _Deterministic(ast.NodeTransformer):
    """np.empty holds what the last answer left there, which may be right; zeros never lie."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if _is_numpy(node) and node.attr in ("empty", "empty_like"):
            node.attr = node.attr.replace("empty", "zeros")
        return node


def mutants(text: str, asked: Question, *, shuffled: bool = False) -> Iterator[Mutant]:
    """Every mutant of the solution in this cell, each source once; shuffled the same each time."""
    lines = [line.strip() for line in text.split("\n")]
    begin, end = lines.index(notebook.BEGIN) + 1, lines.index(notebook.END) + 1
    tree = _Deterministic().visit(ast.parse(text))
    flow = _Flow(tree, asked)
    names = Names.of(tree)
    every = [
        (above, slot, k, node, kind, new)
        for above, slot, k, node in _slots(tree)
        if begin < getattr(node, "lineno", 0) < end
        for kind, new in changes(node, above[-1], slot, names)
    ]
    if shuffled:
        every = [every[n] for n in np.random.default_rng(len(every)).permutation(len(every))]
    seen = {ast.unparse(tree)}
    for above, slot, k, node, kind, new in every:
        path = [*above, node]
        was = _line(path)
        _put(above[-1], slot, k, ast.copy_location(new, node))
        source, now, place = ast.unparse(tree), _line([*above, new]), flow.place(path, new, kind)
        _put(above[-1], slot, k, node)
        if source not in seen:
            seen.add(source)
            yield Mutant(kind, was, now, source, **place)


Slot = tuple[list[ast.AST], str, int | None, ast.AST]


def _slots(tree: ast.AST) -> Iterator[Slot]:
    """Every place that holds a node: the nodes above it, the field, where in a list, the node."""

    def below(above: list[ast.AST]) -> Iterator[Slot]:
        for slot, value in ast.iter_fields(above[-1]):
            if isinstance(value, ast.AST):
                yield above, slot, None, value
                yield from below([*above, value])
            elif isinstance(value, list):
                for k, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        yield above, slot, k, item
                        yield from below([*above, item])

    return below([tree])


def _put(parent: ast.AST, slot: str, k: int | None, node: ast.AST) -> None:
    if k is None:
        setattr(parent, slot, node)
    else:
        getattr(parent, slot)[k] = node


def _statement(path: Sequence[ast.AST]) -> ast.stmt:
    return next(node for node in reversed(path) if isinstance(node, ast.stmt))


def _line(path: Sequence[ast.AST]) -> str:
    """The changed line; of a loop or an if, its first."""
    return ast.unparse(_statement(path)).split("\n")[0]


# ---------------------------------------------------------------- where a change is


def symbols(node: ast.AST) -> set[str]:
    """The letters of an expression as equations write them: p.W_f is W_f, x[t] is x."""
    found = set()
    for part in ast.walk(node):
        match part:
            case ast.Attribute(attr=name) if name != "T":
                found.add(name)
            case ast.Name(id=name):
                found.add(name)
            case ast.Subscript(slice=ast.Constant(value=str() as name)):
                found.add(name)
    return {letter(name) for name in found}


def letter(name: str) -> str:
    """One spelling for x_t and x, h_{t-1} and h_prev, C~_t and C_tilde."""
    name = re.sub(r"_\{t-1\}", "_prev", name)
    name = re.sub(r"~(_t)?", "_tilde", name)
    return name.removesuffix("_t")


def letters(words: str) -> set[str]:
    """The symbols that a sentence names."""
    return {letter(w) for w in re.findall(r"[A-Za-z]+~?(?:_\{[^}]*\}|_\w+)?", words)}


class _Flow:
    """What a solution's lines read and write, and which part of the answer is made of what."""

    def __init__(self, tree: ast.AST, asked: Question) -> None:
        self.asked = asked
        self.lines = [
            (node, _written(node), _read(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and not isinstance(node, (ast.FunctionDef, ast.Return))
        ]
        self.dicts = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.sets: dict[str, str] = {}  # p, whose arrays are set by their keys -> what it returns
        self.parts: dict[str, set[str]] = {}
        self.made: dict[str, ast.expr] = {}
        for node in _returns(tree, asked.name):
            if node.value is not None:
                self._returned(node.value, asked)
        self.alias = {
            (target.id, value.id)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(value := node.value, ast.Name)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.carried: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.For):
                before: set[str] = set()
                for line in node.body:
                    late = _read(line) - before
                    self.carried |= late & set().union(*map(_written, node.body))
                    before |= _written(line)

    def _returned(self, value: ast.expr, asked: Question) -> None:
        if len(asked.returns) > 1 and isinstance(value, ast.Name):  # by their names, in a dict
            self.sets[value.id] = ""
        several = len(asked.returns) > 1 and isinstance(value, ast.Tuple)
        values = value.elts if several else [value]
        for name, made in zip(asked.returns, values, strict=False):
            self._made(name, made)
            built = self.dicts.get(made.id, made) if isinstance(made, ast.Name) else made
            if name in asked.axes:
                continue
            if isinstance(built, ast.Dict) and built.keys:
                for key, item in zip(built.keys, built.values, strict=True):
                    if isinstance(key, ast.Constant):
                        part = truth.part_name(name, str(key.value).removeprefix("d"))
                        self._made(part, item)
            else:
                self.sets |= dict.fromkeys(self.parts[name], name)

    def _made(self, part: str, value: ast.expr) -> None:
        self.parts[part] = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        self.made[part] = value

    def place(self, path: Sequence[ast.AST], new: ast.AST, kind: str) -> dict[str, Any]:
        """What the change from the end of `path` to `new`, now in the tree, is about."""
        line, now = _statement(path), _statement([*path[:-1], new])
        written = _written(line) | _written(now)
        term = _summand(path)
        near = {part for part, value in self.made.items() if value in path}
        old = path[-1]
        if isinstance(old, ast.Tuple) and isinstance(new, ast.Tuple):
            moved = [a for a, b in zip(old.elts, new.elts, strict=True) if a is not b]
            near |= {part for part, value in self.made.items() if value in moved}
        for table in path:  # {"f": ..., "i": ...} holds what becomes dW_f, dV_f, db_f
            if isinstance(table, ast.Dict):
                for key, value in zip(table.keys, table.values, strict=True):
                    if (value is new or value in path) and isinstance(key, ast.Constant):
                        near |= {
                            part for part in _parts(self.asked) if part.endswith(f"_{key.value}")
                        }
        near |= self._keyed(line) | self._keyed(now)
        if not near & set(_parts(self.asked)):
            near |= self._near(written)
        lost = [old]
        if isinstance(line, ast.Assign) and line.value not in path:  # its value goes elsewhere
            lost.append(line.value)
        touched = symbols(term) | (symbols(new) if isinstance(new, ast.expr) else set())
        used = written | {n.id for n in ast.walk(term) if isinstance(n, ast.Name)}
        return {
            "term": frozenset(touched | {letter(name) for name in written}),
            "lost": frozenset().union(*(symbols(n) | self._sources(n) for n in lost)),
            "outside": not any(_is_sum(node) for node in path[:-1]),
            "steps": kind in ("index", "loop direction")
            or isinstance(line, ast.For)
            or bool(used & self.carried),
            "near": frozenset(near),
            "writes": frozenset(written | used | {b for a, b in self.alias if a in written}),
        }

    def _keyed(self, line: ast.stmt) -> set[str]:
        """The arrays that a line like dp[f"W_{gate}"] = ... or p["b_i"][:] = ... sets."""
        for node in ast.walk(line):
            match node:
                case ast.Subscript(value=ast.Name(id=base), slice=key) if base in self.sets:
                    name = self.sets[base]
                    first = key.values[0] if isinstance(key, ast.JoinedStr) else key
                    stem = first.value if isinstance(first, ast.Constant) else ""
                    start = truth.part_name(name, str(stem).removeprefix("d"))
                    return {name} | {part for part in _parts(self.asked) if part.startswith(start)}
        return set()

    def _sources(self, node: ast.AST) -> set[str]:
        """The symbols in the lines that compute what is in `node`."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        return {
            symbol for line, writes, _ in self.lines if writes & names for symbol in symbols(line)
        }

    def _near(self, written: set[str]) -> set[str]:
        """The parts made of these names, or of what one more line makes of them."""
        next_line = {name for _, writes, reads in self.lines if reads & written for name in writes}
        direct = {part for part, made in self.parts.items() if made & written}
        return direct | {part for part, made in self.parts.items() if made & next_line}


def _returns(tree: ast.AST, name: str) -> list[ast.Return]:
    """The returns of the function of this name, without those of functions in it."""
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    own = next((node for node in defined if node.name == name), tree)
    inner = {n for d in ast.walk(own) if d in defined and d is not own for n in ast.walk(d)}
    return [n for n in ast.walk(own) if isinstance(n, ast.Return) and n not in inner]


def _written(line: ast.AST) -> set[str]:
    match line:
        case ast.Assign(targets=targets):
            nodes: list[ast.AST] = list(targets)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            nodes = [target]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target))):  # h.append(h_t)
            nodes = [target]
        case _:
            return set()
    found = set()
    for node in nodes:
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and not _is_index(node, name):
                found.add(name.id)
    return found


def _is_index(node: ast.AST, name: ast.Name) -> bool:
    return any(
        name in set(ast.walk(part.slice))
        for part in ast.walk(node)
        if isinstance(part, ast.Subscript)
    )


def _read(line: ast.AST) -> set[str]:
    match line:
        case ast.Assign(value=value) | ast.Expr(value=value) | ast.For(iter=value):
            return {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        case ast.AugAssign(target=target, value=value):
            both = [*ast.walk(value), *ast.walk(target)]
            return {n.id for n in both if isinstance(n, ast.Name)}
    return set()


def _summand(path: Sequence[ast.AST]) -> ast.AST:
    """The term of the line's sum that holds the change; the whole value where there is no sum."""
    *above, node = path
    value = next((p for p in path if isinstance(p, ast.expr)), node)
    term = node if _is_sum(node) else None
    for parent in reversed(above):
        if _is_sum(parent) and not _is_sum(node):
            term = node
        node = parent
    return term or value


def _is_sum(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


# ---------------------------------------------------------------- probes of our own


def own_probes(asked: Question) -> Iterator[tuple[Probe, bool]]:
    """Other seeds, and from each of their probes others in size and scale; False for odd sizes.

    What is judged by behaviour, or depends on a value of the learner's choice, gets more seeds
    instead: there other sizes and scales may lie outside what was asked.
    """
    if asked.observe is not None or asked.own:
        for seed in range(1000, 1040):
            yield from ((probe, True) for probe in asked.inputs(np.random.default_rng(seed)))
        return
    for seed in range(1000, 1004):
        for probe in asked.inputs(np.random.default_rng(seed)):
            yield probe, True
            for axis in ("time", "batch", "unit", "input"):
                for pick in ((0,), (1, 0), (0, 1, 0, 1, 1, 0, 0)):
                    with contextlib.suppress(IndexError):
                        yield _picked(asked, probe, axis, pick), False
            for scale in (0.1, 3.0, 30.0):
                yield {name: _scaled(value, scale) for name, value in probe.items()}, True


_WEIGHT_AXES = {"W": ("unit", "input"), "V": ("unit", "unit"), "b": ("unit",)}


def _picked(asked: Question, probe: Probe, axis: str, pick: Sequence[int]) -> Probe:
    """The probe with these entries along an axis, in every input that has it."""

    def of(name: str, value: Any) -> Any:
        if hasattr(value, "items") and hasattr(value, "hidden_size"):
            arrays = {n: of(n, array) for n, array in value.items()}
            return type(value)(**arrays)
        axes = asked.input_axes.get(name) or _WEIGHT_AXES.get(name.partition("_")[0], ())
        if isinstance(value, np.ndarray) and value.ndim == len(axes):
            for k, word in enumerate(axes):
                if word == axis:
                    value = np.take(value, pick, axis=k)
        return value

    return {name: of(name, value) for name, value in probe.items()}


def _scaled(value: Any, scale: float) -> Any:
    """Smaller or larger numbers; what lies between 0 and 1 stays there, whole numbers stay."""
    match value:
        case np.ndarray() if value.dtype.kind == "f" and not np.all(value == np.round(value)):
            if np.all((value > 0) & (value < 1)):
                odds = value / (1 - value)
                return odds**scale / (1 + odds**scale)
            return value * scale
        case dict():
            return {key: _scaled(item, scale) for key, item in value.items()}
        case list():
            return [_scaled(item, scale) for item in value]
        case tuple():
            items = [_scaled(item, scale) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if hasattr(value, "items") and hasattr(value, "hidden_size"):
        return type(value)(**{name: _scaled(array, scale) for name, array in value.items()})
    return value


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Are two answers the same: form, and each number to the tolerance?"""
    if hasattr(a, "hidden_size") and hasattr(b, "hidden_size"):
        return same(dict(a.items()), dict(b.items()), tolerance)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    try:
        x, y = np.asarray(a), np.asarray(b)
    except ValueError:
        return False
    if x.shape != y.shape or (x.dtype.kind in "fiub") != (y.dtype.kind in "fiub"):
        return False
    if y.dtype.kind not in "fiub":
        return bool(np.array_equal(x, y))
    scale = max(1.0, float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0)))
    return bool(np.allclose(x, y, rtol=0, atol=tolerance * scale, equal_nan=True))


# ---------------------------------------------------------------- one question


@dataclass
class Trial:
    """A question's published solution, and what it gives on our own probes."""

    asked: Question
    text: str
    names: dict[str, Any]
    probes: list[tuple[Probe, bool, calls.Outcome]] = field(default_factory=list)
    outside: int = 0  # probes on which solution and reference differ: not what was asked

    def __post_init__(self) -> None:
        tree = _Deterministic().visit(ast.parse(self.text))
        answer = self.defined(ast.unparse(tree))
        for probe, usual in own_probes(self.asked):
            outcome = self.call(answer, probe)
            right = self.call(self._reference(outcome), probe)
            if outcome.kind == right.kind == "returned" and self._same(outcome, right, probe):
                self.probes.append((probe, usual, outcome))
            else:
                self.outside += 1

    def defined(self, source: str) -> Any:
        """What the question's name stands for once the source has run."""
        names = dict(self.names)
        file = f"<ipython-input-{self.asked.id}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, file, "exec"), names)
        return names[self.asked.name]

    def call(self, answer: object, probe: Probe) -> calls.Outcome:
        with quiet():
            return calls.call(answer, self.asked.given(probe), SECONDS)

    def _reference(self, outcome: calls.Outcome) -> Any:
        """The right function; where the learner chooses values, with those of this answer."""
        if not self.asked.own:
            return self.asked.reference
        values = outcome.value if isinstance(outcome.value, tuple) else (outcome.value,)
        if isinstance(outcome.value, dict):
            values = tuple(outcome.value.values())
        own = dict(zip(self.asked.returns, values, strict=False))
        chosen = [own[name] for name in self.asked.own if name in own]
        return lambda *given: self.asked.reference(*given, *chosen)

    def _seen(self, value: Any, probe: Probe) -> Any:
        if self.asked.observe is None:
            return value
        values = value if len(self.asked.returns) > 1 else (value,)
        try:
            values = tuple(values.values()) if isinstance(values, dict) else tuple(values)
            seen = self.asked.observe(tuple(map(np.asarray, values)), probe)
        except Exception as error:  # of a form that has no behaviour
            return f"no behaviour: {type(error).__name__}"
        return {**seen, "shapes": [np.shape(value) for value in values]}

    def _same(self, one: calls.Outcome, other: calls.Outcome, probe: Probe) -> bool:
        a, b = self._seen(one.value, probe), self._seen(other.value, probe)
        return same(a, b, self.asked.tolerance)

    def compare(self, answer: object) -> str:
        """ "equal", "different", or "fails": it raises on every probe of usual sizes, or hangs."""
        ran = different = False
        for probe, usual, right in self.probes:
            outcome = self.call(answer, probe)
            if outcome.kind == "lost":
                return "fails"
            if outcome.kind != "returned" or outcome.value is None:
                different = True
                continue
            ran |= usual
            if self.asked.own:
                right = self.call(self._reference(outcome), probe)
            different |= right.kind != "returned"
            different = (
                different
                or outcome.changed != right.changed
                or not self._same(outcome, right, probe)
            )
            if ran and different:
                break
        return "fails" if not ran else "different" if different else "equal"


@dataclass(frozen=True)
class Found:
    """A mutant, whether it computes something else, and what the check said."""

    mutant: Mutant
    compared: str
    verdict: Verdict
    how: str  # "diagnosed", "named: ...", or "" for neither

    def __str__(self) -> str:
        m, v = self.mutant, self.verdict
        return f"    {m.kind}: `{m.was}` -> `{m.now}`\n        {v.difference or 'passed'}"


def trials(path: Path) -> list[Trial]:
    """The questions of a solution notebook; its other code cells have run, its checks have not."""
    book = notebook.read(path)
    names: dict[str, Any] = {"__name__": "solution"}
    for cell in book["cells"]:
        checks = cell.get("metadata", {}).get("nbgrader", {}).get("grade")
        if cell["cell_type"] == "code" and not checks:
            with contextlib.redirect_stdout(io.StringIO()), quiet():
                exec(compile(notebook.source(cell), path.name, "exec"), names)
    return [
        Trial(question(f"{path.name[:2]}.{name}"), notebook.source(cell), names)
        for name, cell in notebook.answers(book)
    ]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def run(trial: Trial, sample: int | None = None) -> Iterator[Found]:
    """Every mutant that still runs, or a sample of them, the same each time."""
    ran = 0
    for mutant in mutants(trial.text, trial.asked, shuffled=sample is not None):
        if ran == sample:
            return
        with quiet():
            try:
                answer = trial.defined(mutant.source)
            except Exception:  # raises before it can be called
                continue
            compared = trial.compare(answer)
            if compared == "fails":
                continue
            ran += 1
            verdict = judge(trial.asked.id, answer, seed=JUDGE_SEED)
        how = "" if verdict.passed else named(trial.asked, mutant, verdict)
        yield Found(mutant, compared, verdict, how)


# ---------------------------------------------------------------- do the words lead there?


def _parts(asked: Question) -> tuple[str, ...]:
    """The names of what comes back, and of what is observed of it."""
    probe = asked.inputs(np.random.default_rng(0))[0]
    right = truth.parts(asked, asked.reference, probe)
    return tuple({**right, **truth.observed(asked, right, probe), **dict.fromkeys(asked.returns)})


_WHOLE = (
    "has the other sign",
    "times what it must be",
    "off by the same amount",
    "is transposed",
    "in this order",
    "What comes back as",
    "is zero.",
)


def has_places(asked: Question) -> bool:
    """May its words lead to a line? Of a number, or a step of a trace, no line is known."""
    return asked.kind not in ("number", "trace")


def named(asked: Question, mutant: Mutant, verdict: Verdict) -> str:
    """How the verdict leads to the change; "" when it does not.

    diagnosed  a misconception computes the same on every probe
    term       "look at the term ...": a symbol of the changed summand, or what its line computes;
               "has the shape of b_f": a symbol of the changed summand
    sum        "look at what happens to the sum": the change lies around it
    part       one of several parts is named, and the changed line computes it or what it is made of
    step       it is right at first, or for one step: the change is in an index, a loop, a carry
    batch      it is right for one example: the change is in what is summed or multiplied over it
    whole      a description of every value: the other sign, a constant factor, an input as it is
    form       the shape, with what is wrong with it: transposed, an axis too many or missing
    line       it raises, at the changed line or at one that reads what that line computes
    input      an input is changed in place: by the changed line
    behaviour  weights set by hand: the first of several behaviours that is missing
    """
    if verdict.misconception:
        return "diagnosed"
    words = verdict.difference
    parts = _parts(asked)
    if asked.complaints and words in asked.complaints.values():
        part = next(part for part, said in asked.complaints.items() if said == words)
        if part in mutant.near:
            return "part"
        by_hand = asked.kind in ("weights", "training") and len(asked.complaints) > 1
        return "behaviour" if by_hand else ""
    words = re.sub(r"^[^.]*? (is|are) right(\.|, but) ", "", words)
    if " at your line `" in words:
        line = words.partition(" at your line `")[2].partition("`")[0]
        mine = line in mutant.now or letters(line) & mutant.writes
        return "line" if mine else ""
    if "changes its input in place" in words:
        return "input" if letters(words) & {letter(n) for n in mutant.writes} else ""
    for full in _WHOLE:
        if full in words:
            return "whole"
    if re.search(r"looks transposed|axis of length \d+ too|axes look swapped|axis is miss", words):
        return "form"
    pointed = re.search(r"whenever (.+?) (?:is|are) zero", words)
    term = re.search(r"look at (?:the term|how) (.+?)(?: goes in)?\.", words)
    term = term or re.search(r"is the shape of (\w+)", words)
    if term:
        said = letters(term[1]) | (letters(pointed[1]) if pointed else set())
        if said & mutant.term:
            return "term"
    silent = re.search(r"([^.]+?) changes? nothing in", words)
    if silent and letters(silent[1]) & mutant.lost:
        return "term"
    if "look at what happens to the sum" in words or "at what all of them go" in words:
        if mutant.outside:
            return "sum"
    if "t = " in words or "one step" in words:
        if mutant.steps:
            return "step"
    if "batch" in words and not re.search("has shape", words):
        if mutant.kind in ("function", "keyword", "constant", "transpose", "operator", "index"):
            return "batch"
    if len(parts) > 1:
        first = [w for w in re.findall(r"[\w~]+", words) if w in parts]
        if first and first[0] in mutant.near:
            return "part"
    return ""


# ---------------------------------------------------------------- the table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", metavar="NN", help="numbers; default: all")
    parser.add_argument("--sample", type=int, help="at most so many mutants a question")
    given = parser.parse_args()
    total: Counter[str] = Counter()
    placed: Counter[str] = Counter()
    head = ("question", "run", "equal", "differ", "rejected", "diagnosed", "named", "missed")
    print(f"{head[0]:32}" + "".join(f"{h:>10}" for h in head[1:]) + "   led to the place")
    for path in SOLUTIONS:
        if given.notebooks and path.name[:2] not in given.notebooks:
            continue
        for trial in trials(path):
            found = list(run(trial, given.sample))
            count = _report(trial, found)
            total += count
            placed += count if has_places(trial.asked) else Counter()
    _row("all", total)
    _row("all but numbers and traces", placed)
    sys.exit(bool(total["survived"] or total["wronged"]))


def _report(trial: Trial, found: Sequence[Found]) -> Counter[str]:
    different = [f for f in found if f.compared == "different"]
    equal = [f for f in found if f.compared == "equal"]
    survived = [f for f in different if f.verdict.passed]
    wronged = [f for f in equal if not f.verdict.passed]
    missed = [f for f in different if not f.how and not f.verdict.passed]
    count = Counter(
        run=len(found),
        equal=len(equal),
        differ=len(different),
        rejected=len(different) - len(survived),
        diagnosed=sum(f.how == "diagnosed" for f in different),
        named=sum(f.how not in ("", "diagnosed") for f in different),
        missed=len(missed),
        survived=len(survived),
        wronged=len(wronged),
    )
    _row(trial.asked.id, count)
    ways = Counter(f.how for f in different if f.how)
    print(f"  {dict(ways)}; probes {len(trial.probes)}, outside what was asked {trial.outside}")
    for title, those in (
        ("SURVIVED, though different", survived),
        ("REJECTED, though equal", wronged),
        ("not led to the place", missed),
    ):
        if those:
            print(f"  {title}:")
            print("\n".join(map(str, those)))
    if equal:
        print("  called equal:")
        for f in equal:
            print(f"    {f.mutant.kind}: `{f.mutant.was}` -> `{f.mutant.now}`")
    return count


def _row(name: str, count: Counter[str]) -> None:
    columns = ("run", "equal", "differ", "rejected", "diagnosed", "named", "missed")
    share = (count["diagnosed"] + count["named"]) / max(1, count["differ"])
    print(f"{name:32}" + "".join(f"{count[c]:10}" for c in columns) + f"{share:13.1%}", flush=True)


if __name__ == "__main__":
    main()
