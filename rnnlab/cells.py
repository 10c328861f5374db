"""Reference cells: one time step of the Elman RNN, the LSTM and the GRU.

Slow and plain on purpose: each line is an equation of the course. `layers` runs whole sequences
fast, and a test holds the two together. Columns in the equations, rows in code: features lie on
the last axis, so W x_t is `x_t @ W.T`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams, check_array, check_params

Reset = Literal["before", "after"]


class RNNStep(NamedTuple):
    """The new hidden state h (..., H)."""

    h: Array


class LSTMStep(NamedTuple):
    """The new states h and C, the gates f, i, o and the candidate C_tilde, each (..., H)."""

    h: Array
    C: Array
    f: Array
    i: Array
    C_tilde: Array
    o: Array


class GRUStep(NamedTuple):
    """The new hidden state h, the gates z and r, the candidate h_tilde, each (..., H)."""

    h: Array
    z: Array
    r: Array
    h_tilde: Array


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), elementwise, for real and complex a."""
    # the same function, and exp cannot overflow
    result: Array = 0.5 + 0.5 * np.tanh(0.5 * a)
    return result


def rnn_step(x_t: Array, h_prev: Array, p: RNNParams) -> RNNStep:
    """One step of the Elman RNN (Elman 1990, with tanh).

        h_t = tanh(W x_t + V h_{t-1} + b)

    x_t (..., D), h_prev (..., H). Raises ValueError for a wrong shape or dtype.
    """
    check_params("rnn_step", p, RNNParams)
    _check("rnn_step", p, x_t, h_prev=h_prev)
    h_t = np.tanh(x_t @ p.W.T + h_prev @ p.V.T + p.b)
    return RNNStep(h_t)


def lstm_step(x_t: Array, h_prev: Array, C_prev: Array, p: LSTMParams) -> LSTMStep:
    """One step of the LSTM with a forget gate (Gers, Schmidhuber and Cummins 2000).

        f_t  = sigmoid(W_f x_t + V_f h_{t-1} + b_f)        forget gate
        i_t  = sigmoid(W_i x_t + V_i h_{t-1} + b_i)        input gate
        C~_t = tanh   (W_g x_t + V_g h_{t-1} + b_g)        candidate
        C_t  = f_t * C_{t-1} + i_t * C~_t                  cell state
        o_t  = sigmoid(W_o x_t + V_o h_{t-1} + b_o)        output gate
        h_t  = o_t * tanh(C_t)                             hidden state

    x_t (..., D), h_prev and C_prev (..., H). Raises ValueError for a wrong shape or dtype.
    """
    check_params("lstm_step", p, LSTMParams)
    _check("lstm_step", p, x_t, h_prev=h_prev, C_prev=C_prev)
    f_t = sigmoid(x_t @ p.W_f.T + h_prev @ p.V_f.T + p.b_f)
    i_t = sigmoid(x_t @ p.W_i.T + h_prev @ p.V_i.T + p.b_i)
    C_tilde = np.tanh(x_t @ p.W_g.T + h_prev @ p.V_g.T + p.b_g)
    C_t = f_t * C_prev + i_t * C_tilde
    o_t = sigmoid(x_t @ p.W_o.T + h_prev @ p.V_o.T + p.b_o)
    h_t = o_t * np.tanh(C_t)
    return LSTMStep(h_t, C_t, f_t, i_t, C_tilde, o_t)


def gru_step(x_t: Array, h_prev: Array, p: GRUParams, reset: Reset = "before") -> GRUStep:
    """One step of the GRU: z near 1 takes the new, z near 0 keeps the old (Chung et al. 2014).

        z_t  = sigmoid(W_z x_t + V_z h_{t-1} + b_z)                  update gate
        r_t  = sigmoid(W_r x_t + V_r h_{t-1} + b_r)                  reset gate
        h~_t = tanh(W_h x_t + V_h (r_t * h_{t-1}) + b_h)             candidate, reset="before"
        h~_t = tanh(W_h x_t + b_h + r_t * (V_h h_{t-1} + b_hv))      candidate, reset="after"
        h_t  = (1 - z_t) * h_{t-1} + z_t * h~_t                      hidden state

    "after" is the form of cuDNN and torch (whose z means the opposite: negate its block).
    x_t (..., D), h_prev (..., H). Raises ValueError for a wrong shape, dtype or reset, and for a
    b_hv with reset="before", where it would be ignored.
    """
    check_params("gru_step", p, GRUParams)
    _check("gru_step", p, x_t, h_prev=h_prev)
    check_reset("gru_step", p, reset)
    z_t = sigmoid(x_t @ p.W_z.T + h_prev @ p.V_z.T + p.b_z)
    r_t = sigmoid(x_t @ p.W_r.T + h_prev @ p.V_r.T + p.b_r)
    if reset == "before":
        h_tilde = np.tanh(x_t @ p.W_h.T + (r_t * h_prev) @ p.V_h.T + p.b_h)
    else:
        b_hv = 0 if p.b_hv is None else p.b_hv
        h_tilde = np.tanh(x_t @ p.W_h.T + p.b_h + r_t * (h_prev @ p.V_h.T + b_hv))
    h_t = (1 - z_t) * h_prev + z_t * h_tilde
    return GRUStep(h_t, z_t, r_t, h_tilde)


def check_reset(where: str, p: GRUParams, reset: str) -> None:
    """Raise ValueError unless `reset` is "before" or "after" and fits the weights."""
    if reset not in ("before", "after"):
        raise ValueError(f'{where}: reset must be "before" or "after", got {reset!r}')
    if reset == "before" and p.b_hv is not None:
        raise ValueError(
            f'{where}: reset="before" has no b_hv, but these weights hold one; '
            'say reset="after", or leave b_hv out'
        )


def _check(where: str, p: RNNParams | LSTMParams | GRUParams, x_t: Array, **states: Array) -> None:
    check_array(where, "x_t", x_t, ("...", p.input_size), p.dtype)
    batch = x_t.shape[:-1]
    for name, state in states.items():
        check_array(where, name, state, ("...", p.hidden_size), p.dtype)
        if state.shape[:-1] != batch:
            raise ValueError(
                f"{where}: {name} must have shape {(*batch, p.hidden_size)} to go with x_t "
                f"{x_t.shape}, got {state.shape}; both need the same leading axes"
            )
