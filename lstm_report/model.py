"""The sentiment classifier: embedding, recurrent layers, read-out, dropout, one logit.

Shapes: B batch, T time, E embedding, H hidden, D directions (1 or 2).
"""

import torch
from torch import Tensor, nn

from lstm_report.config import PAD, ModelConfig
from lstm_report.layers import LSTM, Recurrent, ResLSTM
from lstm_report.recurrence import reverse
from lstm_report.regularisers import NormalisedEmbedding, drop_coordinates, drop_words
from lstm_report.variants import GatedResLSTM, SkipLSTM

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

    A bidirectional one has a second stack of recurrent layers of its own, which reads the review
    from its last real token to its first. Each direction is read out by itself, so that `last` is
    the state at the first token there.

    Args:
        vocabulary_size: rows of the embedding, padding and unknown token included.
        config: sizes, kind of recurrent layer, read-out and dropout.
    """

    def __init__(self, vocabulary_size: int, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = (
            NormalisedEmbedding(vocabulary_size, config.embedding_size)
            if config.normalised_embedding
            else nn.Embedding(vocabulary_size, config.embedding_size, padding_idx=PAD)
        )
        sizes = config.embedding_size, config.hidden_size, config.num_layers
        self.recurrent = LAYERS[config.kind](*sizes, batch_first=True)
        self.backward_recurrent = (
            LAYERS[config.kind](*sizes, batch_first=True) if config.bidirectional else None
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size * (1 + config.bidirectional), 1)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the word vectors, (B, T, E), of token numbers, (B, T)."""
        if self.training and self.config.word_dropout:
            tokens = drop_words(tokens, self.config.word_dropout)
        words = self.embedding(tokens)
        if self.training and self.config.embedding_dropout:
            words = drop_coordinates(words, self.config.embedding_dropout)
        return words

    def judge(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (B,), of word vectors (B, T, E) with (B,) real tokens each."""
        states, _ = self.recurrent(words)  # (B, T, H)
        review = read_out(states, lengths, self.config.readout)  # (B, H)
        if self.backward_recurrent is not None:
            # Turned within its length, a review keeps its padding at the end, where no state that
            # is read out has seen it; and neither layer has to be told the lengths.
            turned = reverse(words.transpose(0, 1), lengths).transpose(0, 1)
            states, _ = self.backward_recurrent(turned)
            backward = read_out(states, lengths, self.config.readout)
            review = torch.cat((review, backward), dim=-1)  # (B, D·H)
        return self.classifier(self.dropout(review)).squeeze(-1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (B,), of token numbers (B, T) with (B,) real tokens each."""
        return self.judge(self.embed(tokens), lengths)
