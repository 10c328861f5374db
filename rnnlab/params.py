"""Named weights of the Elman RNN, the LSTM and the GRU: one W, one V, one b a gate.

W acts on the input x_t, V on the previous hidden state h_{t-1}, b is the bias. Gates have names,
never offsets: whoever needs one large matrix asks for `packed("ifgo")` and says the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from math import isfinite
from numbers import Real
from operator import attrgetter
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Weights = Literal["uniform", "glorot"]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))


def check_array(
    where: str, name: str, array: object, shape: tuple[int | str, ...], dtype: Any = None
) -> None:
    """Raise ValueError unless `array` is an array of this shape and dtype.

    A number in `shape` is an axis of that length, "..." stands for any leading axes, any other
    word for an axis of any length. The message says where, what must hold, what came, the cure.
    """
    if (
        type(array) is np.ndarray
        and (array.shape == shape or _fits(array.shape, shape))
        and array.dtype in DTYPES
        and (dtype is None or array.dtype == dtype)
    ):
        return  # the usual case, at once: a step of a small cell is quick
    if not isinstance(array, np.ndarray) or isinstance(array, (np.matrix, np.ma.MaskedArray)):
        raise ValueError(
            f"{where}: {name} must be a NumPy array, got {type(array).__name__}; "
            f"np.asarray({name}) makes one"
        )
    wanted = shape[1:] if shape[:1] == ("...",) else shape
    got = array.shape[len(array.shape) - len(wanted) :] if len(wanted) < len(shape) else array.shape
    if not _fits(got, wanted):
        words = ", ".join(str(n) for n in shape) + ("," if len(shape) == 1 else "")
        cure = _shape_cure(array.shape, got, wanted)
        raise ValueError(f"{where}: {name} must have shape ({words}), got {array.shape}{cure}")
    if array.dtype not in DTYPES:
        raise ValueError(
            f"{where}: {name} must be float32, float64 or complex128, got {array.dtype}; "
            f"{name}.astype(np.float64) converts it"
        )
    if dtype is not None and array.dtype != dtype:
        raise ValueError(
            f"{where}: {name} must be {dtype} like the others, got {array.dtype}; "
            + (
                "weights and states must be made complex too, with .astype(complex)"
                if array.dtype.kind == "c"
                else f"{name}.astype(np.{dtype}) converts it"
            )
        )


def _fits(got: tuple[int, ...], wanted: tuple[int | str, ...]) -> bool:
    fits = len(got) == len(wanted)
    for g, w in zip(got, wanted, strict=False):  # quicker than all(...) on three numbers
        fits = fits and (g == w or isinstance(w, str))
    return fits


def _shape_cure(whole: tuple[int, ...], got: tuple[int, ...], wanted: tuple[int | str, ...]) -> str:
    if len(wanted) == len(got) == 1 and len(whole) == 2 and wanted[0] == whole[0]:
        return "; features lie on the last axis and the batch comes first, transpose it"
    if len(got) == len(wanted) == 2 and got != got[::-1] and _fits(got[::-1], wanted):
        return "; it looks transposed"
    if len(got) == len(wanted) == 3 and got[:2] != got[1::-1]:
        if _fits((got[1], got[0], got[2]), wanted):
            return "; time comes first, then the batch: swap the first two axes"
    if len(whole) == len(wanted) - 1 and whole[-1:] == wanted[-1:]:
        return "; an axis is missing: a single example still has a batch axis of length 1"
    return ""


def check_params(where: str, p: object, kind: type[_Params]) -> None:
    """Raise ValueError unless `p` is a set of weights of this kind."""
    if not isinstance(p, kind):
        raise ValueError(
            f"{where}: p must be {kind.__name__}, got {type(p).__name__}; "
            f"{kind.__name__}.init draws random ones"
        )


def check_generator(where: str, rng: object) -> None:
    """Raise ValueError unless `rng` is a NumPy random Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"{where}: rng must be a numpy.random.Generator, got {type(rng).__name__}; "
            "np.random.default_rng(7) makes one"
        )


@dataclass(frozen=True, eq=False)
class _Params:
    """What the three sets of weights share; `gates` lists the gate letters in field order.

    Two sets are equal only if they are the same object; compare arrays through `items`.
    """

    gates: ClassVar[str]

    def __post_init__(self) -> None:
        where = type(self).__name__
        first = self._get("b", self.gates[0])
        check_array(where, self._name("b", self.gates[0]), first, ("H",))
        H, dtype = first.shape[0], first.dtype
        W = self._get("W", self.gates[0])
        check_array(where, self._name("W", self.gates[0]), W, (H, "D"), dtype)
        D = W.shape[1]
        shapes: dict[str, tuple[int, ...]] = {"W": (H, D), "V": (H, H), "b": (H,)}
        for field in fields(self):
            array = getattr(self, field.name)
            if array is not None or field.default is not None:
                check_array(where, field.name, array, shapes[field.name[0]], dtype)

    @classmethod
    def unchecked(cls, **arrays: Array) -> Self:
        """The set of weights that holds these arrays, without the checks: they are known to fit.

        For what was computed from checked weights, such as gradients, where the checks cost more
        than the arithmetic of a small step.
        """
        p = object.__new__(cls)
        p.__dict__.update(arrays)
        return p

    @classmethod
    @cache
    def _name(cls, letter: str, gate: str) -> str:
        return letter if len(cls.gates) == 1 else f"{letter}_{gate}"

    def _get(self, letter: str, gate: str) -> Array:
        array: Array = getattr(self, self._name(letter, gate))
        return array

    @property
    def hidden_size(self) -> int:
        """H, the length of the hidden state."""
        return int(self._get("W", self.gates[0]).shape[0])

    @property
    def input_size(self) -> int:
        """D, the length of one input x_t."""
        return int(self._get("W", self.gates[0]).shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The one dtype that all arrays share."""
        return self._get("b", self.gates[0]).dtype

    @property
    def size(self) -> int:
        """How many numbers there are to learn: G * H * (D + H + 1), and H more with b_hv."""
        return sum(array.size for _, array in self.items())

    def items(self) -> Iterator[tuple[str, Array]]:
        """Each name with its array, in the order of the fields; a b_hv of None is left out."""
        for field in fields(self):
            array = getattr(self, field.name)
            if array is not None:
                yield field.name, array

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """The same weights as new arrays of another dtype."""
        return type(self)(**{name: array.astype(dtype) for name, array in self.items()})

    def packed(self, order: str | None = None) -> tuple[Array, Array, Array]:
        """Stack the gates in the order of the letters: W (G*H, D), V (G*H, H), b (G*H,).

        `order` names each gate once, "ifgo" is torch's for the LSTM; without it the order is that
        of the fields. The GRU's b_hv belongs to no row of b and stays apart. New arrays.
        """
        W, V, b = map(np.concatenate, self._in_order("packed", order))
        return W, V, b

    def joined(self, order: str | None = None) -> Array:
        """`packed` side by side in one new matrix [W V b] (G*H, D + H + 1).

        It makes one product of three terms: W x + V h + b = [W V b] [x; h; 1].
        """
        W, V, b = self._in_order("joined", order)
        H, D = W[0].shape
        WVb = np.empty((len(W) * H, D + H + 1), W[0].dtype)
        np.concatenate(W, out=WVb[:, :D])
        np.concatenate(V, out=WVb[:, D:-1])
        np.concatenate(b, out=WVb[:, -1])
        return WVb

    def _in_order(self, where: str, order: str | None) -> tuple[tuple[Array, ...], ...]:
        """The W of each gate in this order, the V of each, the b of each."""
        G = len(self.gates)
        arrays = self._getter(where, *(self.gates if order is None else order))(self)
        return arrays[:G], arrays[G : 2 * G], arrays[2 * G :]

    @classmethod
    @cache
    def _getter(cls, where: str, *order: str) -> attrgetter[tuple[Array, ...]]:
        return attrgetter(*cls._names(where, *order))

    @classmethod
    def from_packed(cls, W: Array, V: Array, b: Array, order: str | None = None) -> Self:
        """The inverse of `packed`: cut W (G*H, D), V (G*H, H), b (G*H,) into gates; new arrays."""
        names = cls._names("from_packed", *(cls.gates if order is None else order))
        G, where = len(cls.gates), f"{cls.__name__}.from_packed"
        check_array(where, "b", b, ("G*H",))
        if b.shape[0] % G:
            raise ValueError(
                f"{where}: b must have a length that {G} gates divide, got {b.shape[0]}"
            )
        check_array(where, "W", W, (b.shape[0], "D"), b.dtype)
        check_array(where, "V", V, (b.shape[0], b.shape[0] // G), b.dtype)
        H = b.shape[0] // G
        cut = *W.reshape(G, H, -1), *V.reshape(G, H, H), *b.reshape(G, H)
        return cls(**{name: rows.copy() for name, rows in zip(names, cut, strict=True)})

    @classmethod
    def _names(cls, where: str, *order: str) -> tuple[str, ...]:
        """The names of the W of each gate in this order, of the V of each, of the b of each."""
        if sorted(order) != sorted(cls.gates):
            raise ValueError(
                f"{cls.__name__}.{where}: order must name each of the gates "
                f"{', '.join(cls.gates)} once, got {''.join(order)!r}"
            )
        return tuple(cls._name(letter, gate) for letter in "WVb" for gate in order)

    @classmethod
    def _draw(
        cls,
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        weights: Weights,
        dtype: npt.DTypeLike,
    ) -> dict[str, Array]:
        where = f"{cls.__name__}.init"
        check_generator(where, rng)
        for name, n in (("input_size", input_size), ("hidden_size", hidden_size)):
            if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
                raise ValueError(f"{where}: {name} must be a whole number of at least 1, got {n!r}")
        if np.dtype(dtype) not in DTYPES[:2]:
            raise ValueError(f"{where}: dtype must be float32 or float64, got {np.dtype(dtype)}")
        if weights not in _DRAW:
            raise ValueError(f'{where}: weights must be "uniform" or "glorot", got {weights!r}')
        arrays: dict[str, Array] = {}
        for gate in cls.gates:
            for letter, array in _DRAW[weights](input_size, hidden_size, rng).items():
                arrays[cls._name(letter, gate)] = array.astype(dtype)
        return arrays


def _uniform(D: int, H: int, rng: np.random.Generator) -> dict[str, Array]:
    k = 1.0 / np.sqrt(H)
    return {
        "W": rng.uniform(-k, k, (H, D)),
        "V": rng.uniform(-k, k, (H, H)),
        "b": rng.uniform(-k, k, H),
    }


def _glorot(D: int, H: int, rng: np.random.Generator) -> dict[str, Array]:
    k = np.sqrt(6.0 / (D + H))
    Q, R = np.linalg.qr(rng.standard_normal((H, H)))
    # the signs make Q uniform over the orthogonal matrices; qr alone prefers some of them
    return {"W": rng.uniform(-k, k, (H, D)), "V": Q * np.sign(np.diag(R)), "b": np.zeros(H)}


_DRAW = {"uniform": _uniform, "glorot": _glorot}


def _chrono(where: str, T_max: float, H: int, rng: np.random.Generator) -> Array:
    if not T_max > 2:
        raise ValueError(f"{where}: chrono must be a longest lag above 2 steps, got {T_max!r}")
    return np.log(rng.uniform(1.0, T_max - 1.0, H))


def _one_of(where: str, **given: object) -> None:
    for name, value in given.items():
        if value is not None and not (isinstance(value, Real) and isfinite(float(value))):
            raise ValueError(f"{where}: {name} must be one finite number, got {value!r}")
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ValueError(f"{where}: {' and '.join(names)} set the same bias; give one of them")


@dataclass(frozen=True, eq=False)
class RNNParams(_Params):
    """Weights of h_t = tanh(W x_t + V h_{t-1} + b): W (H, D), V (H, H), b (H,)."""

    gates: ClassVar[str] = "h"

    W: Array
    V: Array
    b: Array

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        weights: Weights = "uniform",
        dtype: npt.DTypeLike = np.float64,
    ) -> Self:
        """Random weights.

        weights="uniform": every number from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn does (torch
        draws two such biases and adds them, we draw one). weights="glorot": W from
        U(-a, a), a = sqrt(6 / (D + H)) (Glorot and Bengio 2010), V orthogonal (Saxe, McClelland
        and Ganguli 2014), b zero.
        """
        return cls(**cls._draw(input_size, hidden_size, rng, weights, dtype))


@dataclass(frozen=True, eq=False)
class LSTMParams(_Params):
    """Weights of the LSTM's forget, input, candidate (g) and output parts.

    Each W is (H, D), each V (H, H), each b (H,); the equations are in `cells.lstm_step`.
    """

    gates: ClassVar[str] = "figo"

    W_f: Array
    V_f: Array
    b_f: Array
    W_i: Array
    V_i: Array
    b_i: Array
    W_g: Array
    V_g: Array
    b_g: Array
    W_o: Array
    V_o: Array
    b_o: Array

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        weights: Weights = "uniform",
        forget_bias: float | None = None,
        input_bias: float | None = None,
        chrono: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> Self:
        """Random weights, as `RNNParams.init` draws them for each gate.

        forget_bias, input_bias: every b_f or b_i becomes this number. A forget bias above 0 is
        Gers, Schmidhuber and Cummins (2000); Jozefowicz, Zaremba and Sutskever (2015) made it
        popular.
        chrono: the longest lag to bridge, T_max steps: b_f = log U(1, T_max - 1), b_i = -b_f
        (Tallec and Ollivier 2018).
        """
        where = "LSTMParams.init"
        _one_of(where, forget_bias=forget_bias, chrono=chrono)
        _one_of(where, input_bias=input_bias, chrono=chrono)
        arrays = cls._draw(input_size, hidden_size, rng, weights, dtype)
        if forget_bias is not None:
            arrays["b_f"] = np.full(hidden_size, forget_bias, dtype)
        if input_bias is not None:
            arrays["b_i"] = np.full(hidden_size, input_bias, dtype)
        if chrono is not None:
            arrays["b_f"] = _chrono(where, chrono, hidden_size, rng).astype(dtype)
            arrays["b_i"] = -arrays["b_f"]
        return cls(**arrays)


@dataclass(frozen=True, eq=False)
class GRUParams(_Params):
    """Weights of the GRU's update (z), reset (r) and candidate (h) parts.

    Each W is (H, D), each V (H, H), each b (H,). b_hv (H,) is the candidate's second bias, inside
    the reset's product; only the "after" form has it. Equations: `cells.gru_step`.
    """

    gates: ClassVar[str] = "zrh"

    W_z: Array
    V_z: Array
    b_z: Array
    W_r: Array
    V_r: Array
    b_r: Array
    W_h: Array
    V_h: Array
    b_h: Array
    b_hv: Array | None = None

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        rng: np.random.Generator,
        *,
        reset: Literal["before", "after"] = "before",
        weights: Weights = "uniform",
        keep_bias: float | None = None,
        chrono: float | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> Self:
        """Random weights, as `RNNParams.init` draws them for each gate; "after" adds b_hv.

        keep_bias: k > 0 makes the new GRU keep its state. In this course z near 1 takes the new,
        so b_z becomes -k; it is the GRU's counterpart of a forget bias of k.
        chrono: the longest lag to bridge, T_max steps: b_z = -log U(1, T_max - 1) (Tallec and
        Ollivier 2018, in this course's sign).
        """
        where = "GRUParams.init"
        _one_of(where, keep_bias=keep_bias, chrono=chrono)
        if reset not in ("before", "after"):
            raise ValueError(f'{where}: reset must be "before" or "after", got {reset!r}')
        arrays = cls._draw(input_size, hidden_size, rng, weights, dtype)
        if reset == "after":
            arrays["b_hv"] = _DRAW[weights](1, hidden_size, rng)["b"].astype(dtype)
        if keep_bias is not None:
            arrays["b_z"] = np.full(hidden_size, -keep_bias, dtype)
        if chrono is not None:
            arrays["b_z"] = -_chrono(where, chrono, hidden_size, rng).astype(dtype)
        return cls(**arrays)
