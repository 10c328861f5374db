"""Weights in the layouts of torch, Keras and ONNX: arrays in, arrays out, no framework imported.

Four things differ from this course's weights, for all three libraries alike:

    order     the gates are stacked, each library in its own order (`_TORCH`, `_KERAS`, `_ONNX`)
    biases    there are two, one beside W and one beside V (Keras: one, but for the GRU "after");
              they add up, so ours goes into the first and zeros into the second
    z         theirs keeps the old where ours takes the new: sigmoid(-a) = 1 - sigmoid(a), so the z
              rows of weights and biases change their sign
    reset     a GRU's second candidate bias, b_hv, lies inside the reset's product in the "after"
              form and must not be added up; in the "before" form it is added like the others

What the arrays say about the reset is taken from them; what they leave open is asked for as
`reset=`. A GRU that comes in is told apart by its b_hv: an array for "after", None for "before".
All arrays that come out are new and of the dtype that came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, overload

import numpy as np

from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams, check_array

Params = RNNParams | LSTMParams | GRUParams
Reset = Literal["before", "after"]
Cell = Literal["rnn", "lstm", "gru"]

_CELLS: dict[str, type[Params]] = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}

_TORCH = {RNNParams: "h", LSTMParams: "ifgo", GRUParams: "rzh"}
_KERAS = {RNNParams: "h", LSTMParams: "ifgo", GRUParams: "zrh"}
_ONNX = {RNNParams: "h", LSTMParams: "iofg", GRUParams: "zrh"}


@overload
def from_torch(arrays: Mapping[str, Array], cell: Literal["rnn"]) -> RNNParams: ...
@overload
def from_torch(arrays: Mapping[str, Array], cell: Literal["lstm"]) -> LSTMParams: ...
@overload
def from_torch(arrays: Mapping[str, Array], cell: Literal["gru"]) -> GRUParams: ...
def from_torch(arrays: Mapping[str, Array], cell: Cell) -> Params:
    """The weights of a one-layer torch.nn.RNN (tanh), LSTM or GRU, or of its Cell form.

    arrays: a state_dict, G gates in rows: weight_ih_l0 (G*H, D), weight_hh_l0 (G*H, H), bias_ih_l0
    and bias_hh_l0 (G*H,); a Cell's names lack the _l0. Without biases (bias=False) b is zero. cell:
    "rnn", "lstm" or "gru". torch's GRU is always "after", so its params always hold b_hv.

    Raises ValueError for a name missing or too many (more layers, directions, projections, the
    prefix of a larger model) and for a wrong shape or dtype.
    """
    where = "from_torch"
    kind = _kind(where, cell)
    if not isinstance(arrays, Mapping):
        raise ValueError(
            f"{where}: arrays must be a dict as a state_dict, got {type(arrays).__name__}; "
            "{k: v.numpy() for k, v in module.state_dict().items()} makes one"
        )
    suffix = "" if "weight_ih" in arrays else "_l0"
    names = [f"{word}{suffix}" for word in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    _check_names(where, list(arrays), names)
    W, V, *biases = (_array(where, name, arrays[name]) for name in names if name in arrays)
    check_array(where, names[1], V, ("G*H", "H"))
    rows = _check_gates(where, kind, names[1], V.shape, *V.shape)
    check_array(where, names[0], W, (rows, "D"), V.dtype)
    for name, b in zip(names[2:], biases, strict=False):
        check_array(where, name, b, (rows,), V.dtype)
    b_W, b_V = biases or (np.zeros(rows, V.dtype), np.zeros(rows, V.dtype))
    return _unstacked(kind, _TORCH[kind], W, V, b_W, b_V, "after")


def to_torch(params: Params, reset: Reset | None = None) -> dict[str, Array]:
    """The inverse of `from_torch`: a state_dict of arrays for a torch.nn.RNN, LSTM or GRU.

    b goes to bias_ih_l0, zeros to bias_hh_l0, b_hv to the candidate's block of bias_hh_l0. For a
    Cell, strip the names: `{k.removesuffix("_l0"): v for k, v in to_torch(p).items()}`.

    torch knows the GRU "after" only. Weights with b_hv are of that form; for weights without, say
    reset="after" when they are used so. Raises ValueError otherwise: r * (V h) is not V (r * h),
    no weights of "before" do the same in torch.
    """
    if _reset_of("to_torch", params, reset) == "before":
        raise ValueError(
            'to_torch: reset must be "after", torch has no other GRU, got "before"; '
            "to_keras and to_onnx take both, twins.GRU runs both in torch"
        )
    W, V, b_W, b_V = _stacked(params, _TORCH[type(params)])
    return {"weight_ih_l0": W, "weight_hh_l0": V, "bias_ih_l0": b_W, "bias_hh_l0": b_V}


@overload
def from_keras(arrays: Sequence[Array], cell: Literal["rnn"]) -> RNNParams: ...
@overload
def from_keras(arrays: Sequence[Array], cell: Literal["lstm"]) -> LSTMParams: ...
@overload
def from_keras(
    arrays: Sequence[Array], cell: Literal["gru"], reset: Reset | None = None
) -> GRUParams: ...
def from_keras(arrays: Sequence[Array], cell: Cell, reset: Reset | None = None) -> Params:
    """The weights of a keras.layers.SimpleRNN, LSTM or GRU (default activations), or of its Cell.

    arrays: a list as get_weights(), G gates in columns: kernel (D, G*H), recurrent_kernel (H, G*H)
    and, unless use_bias=False, bias (G*H,). cell: "rnn", "lstm" or "gru".

    A GRU's bias tells its form: (2, 3H) is reset_after=True, "after", and b_hv is an array;
    (3H,) is reset_after=False, "before", and b_hv is None. Without a bias, say `reset`.

    Raises ValueError for more or fewer arrays, a wrong shape or dtype, a `reset` that is missing or
    contradicts the bias.
    """
    where = "from_keras"
    kind = _kind(where, cell)
    names = ("kernel", "recurrent_kernel", "bias")
    kernel, recurrent, *bias = _listed(where, arrays, names, "get_weights()")
    check_array(where, names[1], recurrent, ("H", "G*H"))
    rows = _check_gates(where, kind, names[1], recurrent.shape, *recurrent.T.shape)
    check_array(where, names[0], kernel, ("D", rows), recurrent.dtype)
    told: Reset | None = None
    b_W, b_V = np.zeros(rows, kernel.dtype), np.zeros(rows, kernel.dtype)
    if bias and kind is GRUParams and bias[0].ndim == 2:
        told = "after"
        check_array(where, names[2], bias[0], (2, rows), kernel.dtype)
        b_W, b_V = bias[0]
    elif bias:
        told = "before"
        check_array(where, names[2], bias[0], (rows,), kernel.dtype)
        b_W = bias[0]
    cure = 'without a bias they do not tell: "after" for reset_after=True, Keras\'s default'
    reset = _agreed(where, kind, told, reset, cure)
    return _unstacked(kind, _KERAS[kind], kernel.T, recurrent.T, b_W, b_V, reset)


def to_keras(params: Params, reset: Reset | None = None) -> list[Array]:
    """The inverse of `from_keras`: [kernel, recurrent_kernel, bias], for set_weights().

    A GRU with b_hv is "after", for keras.layers.GRU(H, reset_after=True), bias (2, 3H). Without
    b_hv, say `reset`: "before" for reset_after=False, bias (3H,), or "after" when used so.
    """
    reset = _reset_of("to_keras", params, reset)
    W, V, b_W, b_V = _stacked(params, _KERAS[type(params)])
    return [W.T.copy(), V.T.copy(), np.stack([b_W, b_V]) if reset == "after" else b_W]


@overload
def from_onnx(arrays: Sequence[Array], cell: Literal["rnn"]) -> RNNParams: ...
@overload
def from_onnx(arrays: Sequence[Array], cell: Literal["lstm"]) -> LSTMParams: ...
@overload
def from_onnx(arrays: Sequence[Array], cell: Literal["gru"], reset: Reset) -> GRUParams: ...
def from_onnx(arrays: Sequence[Array], cell: Cell, reset: Reset | None = None) -> Params:
    """The weights of an ONNX RNN, LSTM or GRU node (one direction, default activations).

    arrays: (W, R, B) or (W, R), G gates in rows: W (1, G*H, D), R (1, G*H, H), B (1, 2*G*H) with
    the biases of W before those of R. cell: "rnn", "lstm" or "gru". The LSTM's peepholes, P, have
    no place here.

    A GRU's arrays are the same for both forms, so say `reset`: "after" when the node has
    linear_before_reset=1 (b_hv is then an array), "before" when it has 0, ONNX's default (None).

    Raises ValueError for more or fewer arrays, two directions, a wrong shape or dtype, a `reset`
    that is missing.
    """
    where = "from_onnx"
    kind = _kind(where, cell)
    cure = '"after" for linear_before_reset=1, "before" for 0, ONNX\'s default'
    reset = _agreed(where, kind, None, reset, cure)
    W, V, *B = _listed(where, arrays, ("W", "R", "B"), "(W, R, B)")
    if V.shape[:1] == (2,):
        raise ValueError(
            f"{where}: R must be of one direction, shape (1, G*H, H), got {V.shape}; of a "
            "bidirectional node hand over the two one by one: [:1] of each array, then [1:]"
        )
    check_array(where, "R", V, (1, "G*H", "H"))
    rows = _check_gates(where, kind, "R", V.shape, *V.shape[1:])
    check_array(where, "W", W, (1, rows, "D"), V.dtype)
    b = B[0] if B else np.zeros((1, 2 * rows), V.dtype)
    check_array(where, "B", b, (1, 2 * rows), V.dtype)
    b_W, b_V = np.split(b[0], 2)
    return _unstacked(kind, _ONNX[kind], W[0], V[0], b_W, b_V, reset)


def to_onnx(params: Params, reset: Reset | None = None) -> tuple[Array, Array, Array]:
    """The inverse of `from_onnx`: W (1, G*H, D), R (1, G*H, H), B (1, 2*G*H).

    A GRU with b_hv is "after": give the node linear_before_reset=1. Without b_hv, say `reset`:
    "before" for linear_before_reset=0, or "after" when used so. The arrays are the same for both.
    """
    _reset_of("to_onnx", params, reset)
    W, V, b_W, b_V = _stacked(params, _ONNX[type(params)])
    return W[None], V[None], np.concatenate([b_W, b_V])[None]


def _signs(order: str, H: int, like: Array) -> Array:
    """One factor a row, to and fro: -1 for z, which takes here and keeps there, 1 for the rest."""
    return np.repeat([-1 if gate == "z" else 1 for gate in order], H).astype(like.dtype)


def _stacked(params: Params, order: str) -> tuple[Array, Array, Array, Array]:
    """Our weights in their order and sign: W, V, the bias beside W, the bias beside V."""
    W, V, b = params.packed(order)
    signs = _signs(order, params.hidden_size, b)
    b_V = dict.fromkeys(order, np.zeros(params.hidden_size, params.dtype))
    if isinstance(params, GRUParams) and params.b_hv is not None:
        b_V["h"] = params.b_hv
    return signs[:, None] * W, signs[:, None] * V, signs * b, np.concatenate([*b_V.values()])


def _unstacked(
    kind: type[Params], order: str, W: Array, V: Array, b_W: Array, b_V: Array, reset: str | None
) -> Params:
    """The inverse of `_stacked`."""
    signs = _signs(order, V.shape[1], V)
    second = dict(zip(order, np.split(signs * b_V, len(order)), strict=True))
    b_hv = None
    if reset == "after" and kind is GRUParams:
        b_hv, second["h"] = second["h"], np.zeros_like(second["h"])
    b = signs * b_W + np.concatenate([*second.values()])
    params = kind.from_packed(signs[:, None] * W, signs[:, None] * V, b, order)
    return replace(params, b_hv=b_hv) if isinstance(params, GRUParams) else params


def _agreed(
    where: str, kind: type[Params], told: Reset | None, asked: Reset | None, cure: str
) -> Reset | None:
    """The GRU's form, from what the arrays tell and the caller says; None for the other cells."""
    if asked not in (None, "before", "after"):
        raise ValueError(f'{where}: reset must be "before" or "after", got {asked!r}')
    if kind is not GRUParams:
        if asked is not None:
            raise ValueError(f"{where}: reset must be left out, only a GRU has one, got {asked!r}")
        return None
    if told is None and asked is None:
        raise ValueError(f"{where}: reset must be said for these arrays of a GRU; {cure}")
    if told and asked and told != asked:
        raise ValueError(
            f'{where}: reset must be "{told}" for these arrays, as their bias shows, got {asked!r}'
        )
    return asked or told


def _reset_of(where: str, params: Params, asked: Reset | None) -> Reset | None:
    """`_agreed` for our own weights: b_hv tells "after"; its absence fits both forms."""
    if type(params) not in _TORCH:
        raise ValueError(
            f"{where}: params must be RNNParams, LSTMParams or GRUParams, "
            f"got {type(params).__name__}"
        )
    has_b_hv = isinstance(params, GRUParams) and params.b_hv is not None
    cure = 'without b_hv they fit both forms: "before" or "after", whichever you run them with'
    return _agreed(where, type(params), "after" if has_b_hv else None, asked, cure)


def _kind(where: str, cell: str) -> type[Params]:
    if cell not in _CELLS:
        raise ValueError(f'{where}: cell must be "rnn", "lstm" or "gru", got {cell!r}')
    return _CELLS[cell]


def _array(where: str, name: str, value: object) -> Array:
    try:
        array = np.asarray(value)  # a tensor of torch, a variable of Keras
    except (TypeError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{where}: {name} must be a NumPy array, got {type(value).__name__} ({error}); "
            "for torch, {k: v.detach().cpu().numpy() for k, v in arrays.items()} makes them"
        ) from error
    check_array(where, name, array, ("...",))
    return array


def _listed(
    where: str, arrays: Sequence[Array], names: tuple[str, str, str], like: str
) -> list[Array]:
    if not isinstance(arrays, (list, tuple)):
        raise ValueError(f"{where}: arrays must be a list as {like}, got {type(arrays).__name__}")
    if len(arrays) not in (2, 3):
        raise ValueError(
            f"{where}: arrays must be {names[0]}, {names[1]} and, where there is one, {names[2]} "
            f"of one layer in one direction, got {len(arrays)} arrays"
        )
    return [_array(where, name, a) for name, a in zip(names, arrays, strict=False)]


def _check_gates(
    where: str, kind: type[Params], name: str, shape: tuple[int, ...], rows: int, H: int
) -> int:
    """Raise ValueError unless the recurrent weights hold a block of H rows for each gate."""
    G = len(kind.gates)
    if rows != G * H:
        words = {len(k.gates) * H: word for word, k in _CELLS.items()}
        cure = f'; these are the weights of cell "{words[rows]}"' if rows in words else ""
        raise ValueError(
            f"{where}: {name} must hold {G} gates of H = {H} for this cell, got shape {shape}{cure}"
        )
    return rows


def _check_names(where: str, got: list[str], names: list[str]) -> None:
    """Raise ValueError unless `got` holds the two weights, both or no biases, and nothing else."""
    for name in got:
        if name not in names:
            raise ValueError(
                f"{where}: arrays must hold {', '.join(names)}, got {name!r}{_cure(name)}"
            )
    missing = [name for name in names if name not in got]
    if missing and missing != names[2:]:
        raise ValueError(
            f"{where}: arrays must hold {', '.join(names)}, got no {', '.join(missing)}; "
            "only the two biases may be absent, and then both (bias=False)"
        )


def _cure(name: str) -> str:
    if "." in name:
        prefix = name[: name.rindex(".") + 1]
        return (
            f"; of a larger model take one layer: {{k.removeprefix({prefix!r}): v "
            f"for k, v in arrays.items() if k.startswith({prefix!r})}}"
        )
    if name.endswith("_reverse"):
        return "; a bidirectional layer is two: hand over one, its names without _reverse"
    if "weight_hr" in name:
        return "; an LSTM with proj_size has no counterpart here"
    if "_l" in name:
        return "; hand over the layers one by one, each with names that end in _l0"
    return ""
