"""Other residual LSTMs that the studies compare with the one of the source report.

Shapes as in `lstm_report.layers`. Both have its interface and its parameters.
"""

import torch

from lstm_report.cells import gated_residual_lstm_step, residual
from lstm_report.layers import Recurrent
from lstm_report.recurrence import Computed, Given, last, plain


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
    over `lstm_report.cells.gated_residual_lstm_step`, several times slower than the other layers.

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
