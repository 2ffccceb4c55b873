"""The sentiment classifier: embedding, recurrent layers, read-out, dropout, one logit.

Shapes: B batch, T time, E embedding, H hidden.
"""

import torch
from torch import Tensor, nn

from lstm_report.config import ModelConfig
from lstm_report.layers import LSTM, Recurrent, ResLSTM
from lstm_report.variants import GatedResLSTM, SkipLSTM

PADDING_INDEX = 0
"""The number of the padding token; its word vector is zero and stays so."""

LAYERS: dict[str, type[Recurrent] | type[nn.RNN]] = {
    "lstm": LSTM,
    "reslstm": ResLSTM,
    "rnn": nn.RNN,
    "skiplstm": SkipLSTM,
    "gatedlstm": GatedResLSTM,
}
"""The recurrent layer of each kind in `lstm_report.config.KINDS`."""


def read_out(states: Tensor, lengths: Tensor, how: str) -> Tensor:
    """Return what the classifier reads of the hidden states, (B, H); padding never counts.

    Args:
        states: hidden states of the last layer, (B, T, H).
        lengths: real tokens of each review, (B,), each at least 1.
        how: `last` for the state of the last real token, `mean` or `max` over all real tokens.
    """
    if how == "last":
        return states[torch.arange(len(states), device=states.device), lengths - 1]
    steps = torch.arange(states.shape[1], device=states.device)
    padding = (steps >= lengths.unsqueeze(1)).unsqueeze(-1)  # (B, T, 1)
    if how == "mean":
        return states.masked_fill(padding, 0).sum(1) / lengths.unsqueeze(1)
    return states.masked_fill(padding, float("-inf")).amax(1)


class SentimentClassifier(nn.Module):
    """Reads a review as token numbers and returns the logit of its being positive.

    Args:
        vocabulary_size: rows of the embedding, padding and unknown token included.
        config: sizes, kind of recurrent layer, read-out and dropout.
    """

    def __init__(self, vocabulary_size: int, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(
            vocabulary_size, config.embedding_size, padding_idx=PADDING_INDEX
        )
        self.recurrent = LAYERS[config.kind](
            config.embedding_size, config.hidden_size, config.num_layers, batch_first=True
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (B,), of token numbers (B, T) with (B,) real tokens each."""
        words = self.embedding(tokens)  # (B, T, E)
        states, _ = self.recurrent(words)  # (B, T, H)
        review = read_out(states, lengths, self.config.readout)  # (B, H)
        return self.classifier(self.dropout(review)).squeeze(-1)
