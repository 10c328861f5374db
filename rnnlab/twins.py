"""The course's RNN, LSTM and GRU as torch modules: the same weights, names and equations.

    model = twins.LSTM(LSTMParams.init(8, 64, rng, chrono=100))
    h, (h_T, C_T) = model(x)              x (T, B, D), h (T, B, H), from zero states
    h, (h_T, C_T) = model(x, h_T, C_T)    carries on where that ended
    h.sum().backward()                    model.W_f.grad is dW_f
    model.to_params()                     the weights as arrays again, trained or not

All three return the hidden states and a tuple of the last ones, so one training loop serves all:
`h, state = model(x, *state)`. Each weight is a torch parameter of the same name, with one bias a
gate where torch.nn has two; torch's own kernels do the work wherever they have the equations.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from rnnlab.cells import Reset, check_reset
from rnnlab.params import GRUParams, LSTMParams, RNNParams

P = TypeVar("P", RNNParams, LSTMParams, GRUParams)


class _Twin(nn.Module, Generic[P]):
    """What the three share: every array of `params` becomes a torch parameter of its name."""

    def __init__(self, params: P) -> None:
        super().__init__()
        self.input_size, self.hidden_size = params.input_size, params.hidden_size
        self._kind: type[P] = type(params)
        for name, array in params.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(array)))

    def to_params(self) -> P:
        """The weights as they are now, in new arrays."""
        weights = self.named_parameters()
        params: P = self._kind(**{name: w.detach().cpu().numpy().copy() for name, w in weights})
        return params

    def _checked(self, x: Tensor, **states: Tensor | None) -> list[Tensor]:
        """The initial states (B, H), zeros where there is none; ValueError if one does not fit."""
        where = f"twins.{type(self).__name__}"
        D, H = self.input_size, self.hidden_size
        if x.ndim != 3 or x.shape[2] != D:
            raise ValueError(f"{where}: x must have shape (T, B, {D}), got {tuple(x.shape)}")
        B, dtype = x.shape[1], next(self.parameters()).dtype
        for name, state in states.items():
            if state is not None and state.shape != (B, H):
                raise ValueError(
                    f"{where}: {name} must have shape ({B}, {H}) to go with x {tuple(x.shape)}, "
                    f"got {tuple(state.shape)}; time comes first, then the batch"
                )
        for name, tensor in {"x": x, **states}.items():
            if tensor is not None and tensor.dtype != dtype:
                raise ValueError(
                    f"{where}: {name} must be {dtype} like the weights, got {tensor.dtype}; "
                    f"{name}.to({dtype}) converts it"
                )
        return [x.new_zeros(B, H) if state is None else state for state in states.values()]


class RNN(_Twin[RNNParams]):
    """The Elman RNN of `cells.rnn_step` over a sequence, run by the kernel of torch.nn.RNN."""

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """x (T, B, D), h0 (B, H) -> h (T, B, H), (h_T,)."""
        (h0,) = self._checked(x, h0=h0)
        weights = [self.W, self.V, self.b, torch.zeros_like(self.b)]
        h, _ = torch.rnn_tanh(x, h0[None], weights, True, 1, 0.0, self.training, False, False)
        return h, (h[-1],)


class LSTM(_Twin[LSTMParams]):
    """The LSTM of `cells.lstm_step` over a sequence, run by the kernel of torch.nn.LSTM."""

    def forward(
        self, x: Tensor, h0: Tensor | None = None, C0: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (T, B, D), h0 and C0 (B, H) -> h (T, B, H), (h_T, C_T)."""
        h0, C0 = self._checked(x, h0=h0, C0=C0)
        W = torch.cat([self.W_i, self.W_f, self.W_g, self.W_o])
        V = torch.cat([self.V_i, self.V_f, self.V_g, self.V_o])
        b = torch.cat([self.b_i, self.b_f, self.b_g, self.b_o])
        weights = [W, V, b, torch.zeros_like(b)]
        state = (h0[None], C0[None])
        h, h_T, C_T = torch.lstm(x, state, weights, True, 1, 0.0, self.training, False, False)
        return h, (h_T[0], C_T[0])


class GRU(_Twin[GRUParams]):
    """The GRU of `cells.gru_step` over a sequence, in either form of the reset.

    "after" is run by the kernel of torch.nn.GRU; "before" has none and is a loop over time.
    """

    def __init__(self, params: GRUParams, reset: Reset = "before") -> None:
        check_reset("twins.GRU", params, reset)
        super().__init__(params)
        if params.b_hv is None:
            self.register_parameter("b_hv", None)
        self.reset = reset

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """x (T, B, D), h0 (B, H) -> h (T, B, H), (h_T,)."""
        (h0,) = self._checked(x, h0=h0)
        h = self._before(x, h0) if self.reset == "before" else self._after(x, h0)
        return h, (h[-1],)

    def _before(self, x: Tensor, h: Tensor) -> Tensor:
        a_z = x @ self.W_z.T + self.b_z
        a_r = x @ self.W_r.T + self.b_r
        a_h = x @ self.W_h.T + self.b_h
        states = []
        for t in range(len(x)):
            z = torch.sigmoid(a_z[t] + h @ self.V_z.T)
            r = torch.sigmoid(a_r[t] + h @ self.V_r.T)
            h_tilde = torch.tanh(a_h[t] + (r * h) @ self.V_h.T)
            h = (1 - z) * h + z * h_tilde
            states.append(h)
        return torch.stack(states)

    def _after(self, x: Tensor, h0: Tensor) -> Tensor:
        b_hv = torch.zeros_like(self.b_h) if self.b_hv is None else self.b_hv
        zero = torch.zeros_like(b_hv)
        # torch's z keeps where ours takes, and 1 - sigmoid(a) = sigmoid(-a)
        W = torch.cat([self.W_r, -self.W_z, self.W_h])
        V = torch.cat([self.V_r, -self.V_z, self.V_h])
        b = torch.cat([self.b_r, -self.b_z, self.b_h])
        weights = [W, V, b, torch.cat([zero, zero, b_hv])]
        h, _ = torch.gru(x, h0[None], weights, True, 1, 0.0, self.training, False, False)
        return h
