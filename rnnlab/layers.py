"""Whole sequences of the Elman RNN, the LSTM and the GRU, forward and backward.

The fast twins of `cells`: the equations are those of `rnn_step`, `lstm_step` and `gru_step`.
Outside, time comes first and features last: x (T, B, D), h (T, B, H). Inside, the batch comes last,
x_t (D, B) and h_t (H, B), so that the code reads as the equations do, `V @ h`, and the gates of a
step lie in one block (G*H, B) that one product fills. Three things make it fast:

1. all input products W x_t + b before the loop, all weight gradients after it;
2. sigmoid gates side by side in the block, so that one call serves them all;
3. backward, the local slopes, such as C_{t-1} f (1 - f), for all steps at once, so that the loop is
   left with what truly recurs: the chain rule and one product with the transposed V.

A trace owns its arrays: x, initial states and weights are copied, so that changing yours in place
before the backward pass does no harm, and what the trace computed is read-only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rnnlab.cells import Reset, check_reset, sigmoid
from rnnlab.params import Array, GRUParams, LSTMParams, RNNParams, check_array


@dataclass(frozen=True, eq=False)
class RNNTrace:
    """The hidden states h (T, B, H) of a forward pass, and copies of what went in."""

    h: Array
    x: Array
    h0: Array
    params: RNNParams


@dataclass(frozen=True, eq=False)
class LSTMTrace:
    """The states h, C, gates f, i, o, candidate C_tilde, each (T, B, H), and copies of the inputs.

    tanh_C is kept for the backward pass. h[-1] and C[-1] carry on into the next stretch.
    """

    h: Array
    C: Array
    f: Array
    i: Array
    C_tilde: Array
    o: Array
    tanh_C: Array
    x: Array
    h0: Array
    C0: Array
    params: LSTMParams


@dataclass(frozen=True, eq=False)
class GRUTrace:
    """The states h, gates z, r, candidate h_tilde, each (T, B, H), and copies of the inputs.

    q (T, B, H), kept for the backward pass, is the product in which the reset gate acts:
    r_t * h_{t-1} for reset="before", V_h h_{t-1} + b_hv for "after".
    """

    h: Array
    z: Array
    r: Array
    h_tilde: Array
    q: Array
    x: Array
    h0: Array
    params: GRUParams
    reset: Reset


class RNNGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    params: RNNParams


class LSTMGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 and C0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    C0: Array
    params: LSTMParams


class GRUGrads(NamedTuple):
    """The loss's gradients by x (T, B, D), h0 (B, H) and the weights, named as they are."""

    x: Array
    h0: Array
    params: GRUParams


def rnn_forward(x: Array, h0: Array, p: RNNParams) -> RNNTrace:
    """The Elman RNN over a sequence x (T, B, D) from the state h0 (B, H).

        h_t = tanh(W x_t + V h_{t-1} + b)

    Raises ValueError for a wrong shape or dtype.
    """
    _check_forward("rnn_forward", p, x, h0=h0)
    W, V, b = p.packed()
    x = x.copy()
    h = _states(h0, len(x))
    a = W @ x.mT + b[:, None]
    for t in range(len(x)):
        h[t + 1] = np.tanh(a[t] + V @ h[t])
    return RNNTrace(_outside(h[1:]), x, _outside(h[0]), p.astype(p.dtype))


def rnn_backward(trace: RNNTrace, dh: Array, dh_T: Array | float = 0) -> RNNGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T (B, H) comes on top for the last state.

        da_t     = dh_t * (1 - h_t^2)
        dh_{t-1} = V^T da_t,   dW = sum_t da_t x_t^T,   dV = sum_t da_t h_{t-1}^T,   db = sum_t da_t

    Raises ValueError for a wrong shape or dtype.
    """
    dh, dh_t = _check_backward("rnn_backward", trace.h, dh, dh_T=dh_T)
    W, V, _ = trace.params.packed()
    h = trace.h.mT
    da = 1 - h**2
    for t in reversed(range(len(da))):
        dh_t = dh[t] + dh_t
        da[t] *= dh_t
        dh_t = V.T @ da[t]
    da = _over_time(da)
    dW, db, dx = _input_gradients(da, W, trace.x)
    dV = da @ _over_time(_previous(trace.h0, h)).T
    return RNNGrads(dx, dh_t.T, RNNParams(dW, dV, db))


def lstm_forward(x: Array, h0: Array, C0: Array, p: LSTMParams) -> LSTMTrace:
    """The LSTM over a sequence x (T, B, D) from the states h0 and C0 (B, H).

    The equations of `cells.lstm_step` at every step. Raises ValueError for a wrong shape or dtype.
    """
    _check_forward("lstm_forward", p, x, h0=h0, C0=C0)
    W, V, b = p.packed("gifo")
    x = x.copy()
    T, H, B = len(x), p.hidden_size, x.shape[1]
    h, C, tanh_C = _states(h0, T), _states(C0, T), np.empty((T, H, B), x.dtype)
    a = W @ x.mT + b[:, None]
    gates = a.reshape(T, 4, H, B)
    for t in range(T):
        a[t] += V @ h[t]
        C_tilde, i, f, o = gates[t]
        np.tanh(C_tilde, out=C_tilde)
        gates[t, 1:] = sigmoid(gates[t, 1:])
        C[t + 1] = f * C[t] + i * C_tilde
        tanh_C[t] = np.tanh(C[t + 1])
        h[t + 1] = o * tanh_C[t]
    C_tilde, i, f, o = (_outside(gates[:, k]) for k in range(4))
    h0, C0, h, C, tanh_C = (_outside(s) for s in (h[0], C[0], h[1:], C[1:], tanh_C))
    return LSTMTrace(h, C, f, i, C_tilde, o, tanh_C, x, h0, C0, p.astype(p.dtype))


def lstm_backward(
    trace: LSTMTrace, dh: Array, dh_T: Array | float = 0, dC_T: Array | float = 0
) -> LSTMGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T and dC_T (B, H) come on top for the last state: what a later stretch of the same sequence
    sends back. With dh_t = dh[t] + V^T da_{t+1} and dC_{T+1} = 0:

        dC_t  = dC_{t+1} * f_{t+1} + dh_t * o_t * (1 - tanh(C_t)^2)
        da_f  = dC_t * C_{t-1} * f_t * (1 - f_t)
        da_i  = dC_t * C~_t    * i_t * (1 - i_t)
        da_g  = dC_t * i_t     * (1 - C~_t^2)
        da_o  = dh_t * tanh(C_t) * o_t * (1 - o_t)

    Raises ValueError for a wrong shape or dtype.
    """
    dh, dh_t, dC_t = _check_backward("lstm_backward", trace.h, dh, dh_T=dh_T, dC_T=dC_T)
    W, V, _ = trace.params.packed("gifo")
    f, i, C_tilde, o, tanh_C = (
        s.mT for s in (trace.f, trace.i, trace.C_tilde, trace.o, trace.tanh_C)
    )
    T, H, B = f.shape
    slope_C = o * (1 - tanh_C**2)
    da = np.empty((T, 4, H, B), f.dtype)
    da[:, 0] = i * (1 - C_tilde**2)
    da[:, 1] = C_tilde * i * (1 - i)
    da[:, 2] = _previous(trace.C0, trace.C.mT) * f * (1 - f)
    da[:, 3] = tanh_C * o * (1 - o)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_t
        dC_t = dC_t + dh_t * slope_C[t]
        da[t, :3] *= dC_t
        da[t, 3] *= dh_t
        dC_t = dC_t * f[t]
        dh_t = V.T @ da[t].reshape(4 * H, B)
    da = _over_time(da.reshape(T, 4 * H, B))
    dW, db, dx = _input_gradients(da, W, trace.x)
    dV = da @ _over_time(_previous(trace.h0, trace.h.mT)).T
    return LSTMGrads(dx, dh_t.T, dC_t.T, LSTMParams.from_packed(dW, dV, db, "gifo"))


def gru_forward(x: Array, h0: Array, p: GRUParams, reset: Reset = "before") -> GRUTrace:
    """The GRU over a sequence x (T, B, D) from the state h0 (B, H).

    The equations of `cells.gru_step` at every step. Raises ValueError for a wrong shape, dtype or
    reset, and for a b_hv with reset="before", where it would be ignored.
    """
    _check_forward("gru_forward", p, x, h0=h0)
    check_reset("gru_forward", p, reset)
    W, V, b = p.packed("zrh")
    x = x.copy()
    T, H, B = len(x), p.hidden_size, x.shape[1]
    h, q = _states(h0, T), np.empty((T, H, B), x.dtype)
    a = W @ x.mT + b[:, None]
    zr = a[:, : 2 * H].reshape(T, 2, H, B)
    for t in range(T):
        z, r = zr[t]
        h_tilde = a[t, 2 * H :]
        if reset == "before":
            a[t, : 2 * H] += V[: 2 * H] @ h[t]
            zr[t] = sigmoid(zr[t])
            q[t] = r * h[t]
            h_tilde += V[2 * H :] @ q[t]
        else:
            v = V @ h[t]
            a[t, : 2 * H] += v[: 2 * H]
            zr[t] = sigmoid(zr[t])
            q[t] = v[2 * H :] if p.b_hv is None else v[2 * H :] + p.b_hv[:, None]
            h_tilde += r * q[t]
        np.tanh(h_tilde, out=h_tilde)
        h[t + 1] = h[t] + z * (h_tilde - h[t])
    z, r, h_tilde = (_outside(a[:, k * H : (k + 1) * H]) for k in range(3))
    h0, h, q = _outside(h[0]), _outside(h[1:]), _outside(q)
    return GRUTrace(h, z, r, h_tilde, q, x, h0, p.astype(p.dtype), reset)


def gru_backward(trace: GRUTrace, dh: Array, dh_T: Array | float = 0) -> GRUGrads:
    """Gradients of a loss from dh (T, B, H), its gradient by each h_t.

    dh_T (B, H) comes on top for the last state. With dh_t the sum of dh[t] and what step t + 1
    sends back, and q_t as in `GRUTrace`:

        da_z = dh_t * (h~_t - h_{t-1}) * z_t * (1 - z_t)
        da_h = dh_t * z_t * (1 - h~_t^2)
        dq   = V_h^T da_h                    da_r = dq * h_{t-1} * r_t * (1 - r_t)        "before"
        dq   = da_h * r_t                    da_r = da_h * q_t   * r_t * (1 - r_t)        "after"
        dh_{t-1} = dh_t * (1 - z_t) + V_z^T da_z + V_r^T da_r + (dq * r_t or V_h^T dq)

    The gradient by b_hv is None where the weights have none. Raises ValueError for a wrong shape or
    dtype.
    """
    dh, dh_t = _check_backward("gru_backward", trace.h, dh, dh_T=dh_T)
    W, V = trace.params.packed("hzr")[0], trace.params.packed("zrh")[1]
    z, r, h_tilde, q = (s.mT for s in (trace.z, trace.r, trace.h_tilde, trace.q))
    before = trace.reset == "before"
    T, H, B = z.shape
    h_prev = _previous(trace.h0, trace.h.mT)
    da = np.empty((T, 3 if before else 4, H, B), z.dtype)
    da[:, 0] = z * (1 - h_tilde**2)
    da[:, 1] = (h_tilde - h_prev) * z * (1 - z)
    da[:, 2] = r * (1 - r) * (h_prev if before else da[:, 0] * q)
    if not before:
        da[:, 3] = da[:, 0] * r
    keep = 1 - z
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_t
        if before:
            da[t, :2] *= dh_t
            dq = V[2 * H :].T @ da[t, 0]
            da[t, 2] *= dq
            dh_t = dh_t * keep[t] + dq * r[t] + V[: 2 * H].T @ da[t, 1:].reshape(2 * H, B)
        else:
            da[t] *= dh_t
            dh_t = dh_t * keep[t] + V.T @ da[t, 1:].reshape(3 * H, B)
    da = _over_time(da.reshape(T, -1, B))
    dW, db, dx = _input_gradients(da[: 3 * H], W, trace.x)
    h_prev = _over_time(h_prev)
    if before:
        dV = np.concatenate([da[:H] @ _over_time(q).T, da[H:] @ h_prev.T])
    else:
        dV = np.roll(da[H:] @ h_prev.T, H, axis=0)
    params = GRUParams.from_packed(dW, dV, db, "hzr")
    if trace.params.b_hv is not None:
        params = replace(params, b_hv=da[3 * H :].sum(axis=1))
    return GRUGrads(dx, dh_t.T, params)


def _check_forward(
    where: str, p: RNNParams | LSTMParams | GRUParams, x: Array, **states: Array
) -> None:
    check_array(where, "x", x, ("T", "B", p.input_size), p.dtype)
    for name, state in states.items():
        check_array(where, name, state, (x.shape[1], p.hidden_size), p.dtype)


def _check_backward(where: str, h: Array, dh: Array, **last: Array | float) -> list[Array]:
    """dh and what comes on top for the last state, checked and with the batch last."""
    check_array(where, "dh", dh, h.shape, h.dtype)
    inside = [np.ascontiguousarray(dh.mT)]
    for name, grad in last.items():
        if isinstance(grad, (int, float)) and grad == 0:
            inside.append(np.zeros(h.shape[:0:-1], h.dtype))
        else:
            check_array(where, name, grad, h.shape[1:], h.dtype)
            inside.append(np.array(grad).T)
    return inside


def _states(first: Array, T: int) -> Array:
    """Room for the states of T steps behind the first one: (T + 1, H, B)."""
    states = np.empty((T + 1, *first.T.shape), first.dtype)
    states[0] = first.T
    return states


def _outside(inside: Array) -> Array:
    """(T, H, B) as the public (T, B, H), without a copy and read-only."""
    outside = inside.mT
    outside.flags.writeable = False
    return outside


def _previous(first: Array, states: Array) -> Array:
    """The state before each step: `first` (B, H), then all states (T, H, B) but the last."""
    return np.concatenate([first.T[None], states])[:-1]


def _over_time(inside: Array) -> Array:
    """(T, N, B) as the matrix (N, T*B), in which one product sums over time and batch."""
    T, N, B = inside.shape
    return inside.transpose(1, 0, 2).reshape(N, T * B)


def _input_gradients(da: Array, W: Array, x: Array) -> tuple[Array, Array, Array]:
    """dW, db and dx from da (G*H, T*B): the gradients of a = W x + b."""
    dW: Array = da @ x.reshape(-1, x.shape[-1])
    dx: Array = (da.T @ W).reshape(x.shape)
    return dW, da.sum(axis=1), dx
