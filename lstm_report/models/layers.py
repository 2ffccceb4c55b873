"""Whole-sequence `LSTM` and `ResLSTM`: fast, with the interface of `torch.nn.LSTM`.

After them stand two other residual LSTMs that the studies compare with that of the source report.

Shapes: T time, B batch, I input size, H hidden size, L layers, D directions (1 or 2).

The exact fast form of the residual LSTM. Its hidden state is h_t = m_t + F(x_t) with
m_t = o_t ⊙ tanh(c_t), so what the gates read of it is
W_h h_{t-1} = W_h m_{t-1} + W_h W_res x_{t-1}. Hence m is the output of an ordinary LSTM over
[x_t, x_{t-1}] with input weight [W_x, W_h W_res] and recurrent weight W_h, which the fused kernel
of PyTorch computes; F(x_t) is added afterwards. On a processor that has the instructions, and where
there is a compiler, `lstm_report.models.recurrence` takes its place, without the doubled input.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_report.config import GATES
from lstm_report.models.cells import CellParameters, gated_residual_lstm_step, residual
from lstm_report.models.recurrence import (
    Computed,
    Given,
    fused,
    last,
    plain,
    recurrence,
    reverse,
    usable,
)

State = tuple[Tensor, Tensor]


class Recurrent(nn.Module):
    """Stacked, optionally bidirectional recurrent layers, of which one direction is left open."""

    residual: bool
    """Whether a layer whose input and hidden sizes differ has a W_res."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layers, with weights drawn as `reset_parameters` says.

        Args:
            input_size: features I of each input x_t.
            hidden_size: features H of each hidden state.
            num_layers: how many layers L are stacked, each on the hidden states of the one below.
            bias: whether the gates have biases.
            batch_first: whether inputs and outputs are (B, T, features), not (T, B, features).
            dropout: probability with which a number between two layers is dropped in training.
            bidirectional: whether a second set of layers reads each sequence from its end, D = 2.
            proj_size: 0; `torch.nn.LSTM` has projected hidden states, these layers do not.
            device: where the parameters are made; PyTorch's default when None.
            dtype: of the parameters; PyTorch's default when None.

        Raises:
            ValueError: for a size below 1, a dropout that is no probability, or a proj_size.
        """
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"expected {name} to be at least 1, got {size}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"expected dropout to be a probability, got {dropout}")
        if proj_size:
            raise ValueError(
                f"expected proj_size to be 0, got {proj_size}: this layer has no projection of its "
                "hidden states; torch.nn.LSTM has"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional = bidirectional
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        rows = len(GATES) * hidden_size
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size * len(self.suffixes)
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (rows, size),
                "weight_hh": (rows, hidden_size),
            }
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            if self.residual and size != hidden_size:
                shapes["weight_res"] = (hidden_size, size)
            for suffix in self.suffixes:
                for name, shape in shapes.items():
                    parameter = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{layer}{suffix}", parameter)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from ±1/√H, as `torch.nn.LSTM` does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: it is called for `torch.nn.LSTM`, whose weights a GPU wants in one block."""

    def __prepare_scriptable__(self) -> None:
        """Refuse `torch.jit.script`, which asks this first: it cannot read these layers."""
        raise TypeError(
            f"expected a layer that torch.jit.script can read, got {type(self).__name__}: use "
            "torch.export, torch.compile or torch.jit.trace instead"
        )

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, as in `torch.nn.LSTM`; a W_res comes last."""
        every = [
            cell_parameters(self, layer, suffix)
            for layer in range(self.num_layers)
            for suffix in self.suffixes
        ]
        return [[entry for entry in vars(cell).values() if entry is not None] for cell in every]

    def extra_repr(self) -> str:
        """Return the settings shown when the layer is printed."""
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bias={self.bias}, batch_first={self.batch_first}, dropout={self.dropout}, "
            f"bidirectional={self.bidirectional}"
        )

    def forward(
        self, input: Tensor | PackedSequence, hx: State | None = None
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the layers over whole sequences.

        Args:
            input: (T, B, I), or (B, T, I) with `batch_first`; (T, I) without a batch; or packed.
            hx: initial states (h_0, c_0), each (L·D, B, H), or (L·D, H) without a batch; zeros when
                not given.

        Returns:
            The hidden states of the last layer, in the form of the input and with D·H features, and
            (h_n, c_n), the states after the last step, each shaped like h_0.

        Raises:
            ValueError: when a shape does not fit, or the input, the states and the parameters are
                not all on one device and, outside autocast, of one type.
        """
        self._check_places(input, hx)
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"expected input of 2 or 3 dimensions with {self.input_size} features, "
                f"got shape {tuple(input.shape)}"
            )
        batched = input.dim() == 3
        if not batched:
            input = input.unsqueeze(1)
            hx = None if hx is None else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))
        elif self.batch_first:
            input = input.transpose(0, 1)
        output, (h_n, c_n) = self._layers(input, self._initial(input, hx), None)
        if not batched:
            return output.squeeze(1), (h_n.squeeze(1), c_n.squeeze(1))
        return output.transpose(0, 1) if self.batch_first else output, (h_n, c_n)

    def _forward_packed(
        self, packed: PackedSequence, hx: State | None
    ) -> tuple[PackedSequence, State]:
        """`forward` for sequences of different lengths, packed from longest to shortest."""
        data, batch_sizes, order, restore = packed
        padded, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes))
        if hx is not None and order is not None:
            hx = (hx[0].index_select(1, order), hx[1].index_select(1, order))
        output, (h_n, c_n) = self._layers(padded, self._initial(padded, hx), lengths)
        repacked = pack_padded_sequence(output, lengths)
        if restore is not None:
            h_n, c_n = h_n.index_select(1, restore), c_n.index_select(1, restore)
        return PackedSequence(repacked.data, batch_sizes, order, restore), (h_n, c_n)

    def _check_places(self, input: Tensor | PackedSequence, hx: State | None) -> None:
        """Raise ValueError for a state or parameter of another device or type than the input."""
        x = input.data if isinstance(input, PackedSequence) else input
        device = x.device.type
        casts = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        states = () if hx is None else zip(("h_0", "c_0"), hx, strict=True)
        for name, tensor in (*states, *self.named_parameters()):
            if tensor.device != x.device:
                raise ValueError(
                    f"expected {name} on {x.device}, where the input is, got {tensor.device}: move "
                    "the layer, the input and the states to one device with .to()"
                )
            if tensor.dtype != x.dtype and not casts:
                raise ValueError(
                    f"expected {name} in {x.dtype}, as the input, got {tensor.dtype}: convert the "
                    "layer, the input and the states to one type with .to()"
                )

    def _initial(self, x: Tensor, hx: State | None) -> State:
        """Return (h_0, c_0), checked, or zeros; `x` is (T, B, I)."""
        shape = (self.num_layers * len(self.suffixes), x.shape[1], self.hidden_size)
        if hx is None:
            zeros = x.new_zeros(shape)
            return zeros, zeros
        for name, state in zip(("h_0", "c_0"), hx, strict=True):
            if state.shape != shape:
                raise ValueError(f"expected {name} of shape {shape}, got {tuple(state.shape)}")
        return hx

    def _layers(self, x: Tensor, hx: State, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Run every layer and direction; `x` is (T, B, I), `lengths` (B,) or None for all T."""
        h_n, c_n = [], []
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self.suffixes):
                index = layer * len(self.suffixes) + direction
                backward = direction == 1
                sequence = reverse(x, lengths) if backward else x
                parameters = cell_parameters(self, layer, suffix)
                output, h, c = self._direction(
                    Given(sequence, hx[0][index], hx[1][index], parameters, lengths)
                )
                outputs.append(reverse(output, lengths) if backward else output)
                h_n.append(h)
                c_n.append(c)
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
            if self.dropout and layer + 1 < self.num_layers:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, (torch.stack(h_n), torch.stack(c_n))

    def _direction(self, given: Given) -> Computed:
        """Run one direction of one layer."""
        raise NotImplementedError


class LSTM(Recurrent):
    """LSTM, drop-in for `torch.nn.LSTM`: same arguments, parameter names, shapes and results.

    Source: Hochreiter and Schmidhuber 1997; the equations are in
        `lstm_report.models.cells.lstm_step`.
    """

    residual = False

    def _direction(self, given: Given) -> Computed:
        return plain(given)


class ResLSTM(Recurrent):
    """Residual LSTM, h_t = o_t ⊙ tanh(c_t) + F(x_t), with the interface of `torch.nn.LSTM`.

    F is the identity where a layer's input and hidden sizes are equal, and W_res x_t elsewhere. The
    parameters are those of `torch.nn.LSTM` and, in layers that need it, `weight_res_l{k}` (H, I)
    (suffix `_reverse` for the backward direction). `h_n` includes the residual. The equations are
    in `lstm_report.models.cells.residual_lstm_step`; how they are computed is told at the top of
    the file.
    """

    residual = True

    def _direction(self, given: Given) -> Computed:
        x, h_0, c_0, parameters, lengths = given
        if lengths is None and usable(x, parameters):
            output, c_n = recurrence(x, h_0, c_0, parameters, residual=True)
            return output, output[-1], c_n
        previous = torch.cat((torch.zeros_like(x[:1]), x[:-1]))  # x_{t-1}, zero at the first step
        through = parameters.weight_hh
        if parameters.weight_res is not None:
            through = through @ parameters.weight_res
        m, m_n, c_n = fused(
            torch.cat((x, previous), dim=-1),  # (T, B, 2I)
            h_0,
            c_0,
            parameters,
            torch.cat((parameters.weight_ih, through), dim=1),  # (4H, 2I)
            lengths,
        )
        shortcut = residual(x, parameters)
        return m + shortcut, m_n + last(shortcut, lengths), c_n


def cell_parameters(layer: nn.Module, k: int = 0, suffix: str = "") -> CellParameters:
    """Return the parameters of layer `k` of an `LSTM`, `ResLSTM` or `torch.nn.LSTM`.

    Args:
        layer: the recurrent module.
        k: which of its stacked layers, from 0.
        suffix: "" for the forward direction, "_reverse" for the backward one.

    Raises:
        ValueError: when the module has no such layer.
    """

    def parameter(name: str) -> Tensor | None:
        return getattr(layer, f"{name}_l{k}{suffix}", None)

    weight_ih, weight_hh = parameter("weight_ih"), parameter("weight_hh")
    if weight_ih is None or weight_hh is None:
        raise ValueError(f"expected a recurrent layer {k}{suffix}, got {layer}")
    biases = parameter("bias_ih"), parameter("bias_hh")
    return CellParameters(weight_ih, weight_hh, *biases, parameter("weight_res"))


class SkipLSTM(Recurrent):
    """LSTM layers with a shortcut around each: what leaves is m_t + F(x_t), the gates read m_{t-1}.

    The shortcut plays no part in the recurrence, unlike that of `ResLSTM`. With one layer it is the
    residual LSTM without recurrent feedback of the residual. `h_n` holds m, so that a sequence can
    be taken up again where it was cut.

    Source: the residual connections between layers of Wu et al. 2016 (GNMT), section 3.1.
    """

    residual = True

    def _direction(self, given: Given) -> Computed:
        m, m_n, c_n = plain(given)
        return m + residual(given.x, given.parameters), m_n, c_n


class GatedResLSTM(Recurrent):
    """Residual LSTM whose shortcut passes the output gate, h_t = o_t ⊙ (tanh(c_t) + F(x_t)).

    Since o_t multiplies the shortcut there is no exact form over a fused kernel, so this is a loop
    over `lstm_report.models.cells.gated_residual_lstm_step`, several times slower than the other
    layers.

    Source: Kim, El-Khamy and Lee 2017.
    """

    residual = True

    def _direction(self, given: Given) -> Computed:
        h, c, hidden, cell = given.h_0, given.c_0, [], []
        for x_t in given.x.unbind():
            step = gated_residual_lstm_step(x_t, h, c, given.parameters)
            h, c = step.h, step.c
            hidden.append(h)
            cell.append(c)
        output = torch.stack(hidden)
        return output, last(output, given.lengths), last(torch.stack(cell), given.lengths)
