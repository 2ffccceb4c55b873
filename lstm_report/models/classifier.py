"""The sentiment classifier: embedding, recurrent layers, read-out, dropout, one logit.

Words and coordinates of the embedding may be dropped, and its vectors normalised, as adversarial
training asks for.

Shapes: B batch, T time, E embedding, H hidden, D directions (1 or 2).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_report.config import PAD, UNK, ModelConfig
from lstm_report.models.evidence import Evidence
from lstm_report.models.layers import LSTM, GatedResLSTM, Recurrent, ResLSTM, SkipLSTM
from lstm_report.models.recurrence import reverse

VARIANCE_LEAST = 1e-6
"""Added to a variance before its root is taken."""


class NormalisedEmbedding(nn.Embedding):
    """An embedding whose vectors have mean 0 and variance 1 in each coordinate over the text.

    Token v counts by its share f_v of the text: v̄ = (v - E(v)) / √Var(v) with E(v) = Σ f_v v and
    Var(v) = Σ f_v (v - E(v))². The vectors are brought to this form whenever they are looked up, so
    that training cannot lengthen them. The padding token is given the zero vector.

    Args:
        vocabulary_size: V.
        size: E.

    Source: Miyato, Dai and Goodfellow (2017), ICLR, equation 1.
    """

    shares: Tensor

    def __init__(self, vocabulary_size: int, size: int) -> None:
        super().__init__(vocabulary_size, size, padding_idx=PAD)
        self.register_buffer("shares", torch.full((vocabulary_size,), 1 / vocabulary_size))

    def count(self, tokens: Tensor) -> None:
        """Set the shares f_v to those of the tokens of a text, (N,), without padding."""
        found = torch.bincount(tokens[tokens != PAD].cpu(), minlength=self.num_embeddings)
        self.shares.copy_(found / found.sum())

    def vectors(self) -> Tensor:
        """Return the normalised vectors of all tokens, (V, E)."""
        with torch.autocast(self.weight.device.type, enabled=False):  # sums of many small terms
            centred = self.weight - self.shares @ self.weight
            deviation = (self.shares @ centred.square() + VARIANCE_LEAST).sqrt()
        real = torch.arange(self.num_embeddings, device=self.weight.device) != PAD
        return centred / deviation * real.unsqueeze(1)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised vectors, (…, E), of token numbers (…)."""
        return functional.embedding(input, self.vectors(), self.padding_idx)


def drop_words(tokens: Tensor, rate: float) -> Tensor:
    """Return tokens, (B, T), with some replaced by the unknown token, each with the given rate.

    The unknown token rather than a zero vector: it is what a word outside the vocabulary becomes
    in a new review, and hardly occurs in the text that the vocabulary was made of. So its vector
    too is learnt from many contexts. Padding stays padding.

    Source: Iyyer et al. (2015), ACL, section 3.1, who leave the words out.
    """
    dropped = torch.rand(tokens.shape, device=tokens.device) < rate
    return tokens.masked_fill(dropped & (tokens != PAD), UNK)


def drop_coordinates(words: Tensor, rate: float) -> Tensor:
    """Return word vectors, (B, T, E), with some coordinates zero, the same for a whole review.

    What is left is divided by 1 - rate, so that the expected value stays.

    Source: Gal and Ghahramani (2016), NeurIPS, section 4: one mask for all time steps.
    """
    mask = functional.dropout(words.new_ones(len(words), 1, words.shape[2]), rate)
    return words * mask


def perturbation(gradient: Tensor, epsilon: float) -> Tensor:
    """Return r = ε g / |g|₂ for each review, (B, T, E): the step that raises the loss most.

    Args:
        gradient: g, of the loss by the word vectors, (B, T, E); zero where there is padding. A
            review whose whole gradient is zero is not moved.
        epsilon: ε, the length of r over all T·E numbers of a review.

    Source: Miyato, Dai and Goodfellow (2017), ICLR, equation 5.
    """
    # Divided by its largest number first: the square of a small gradient is 0 in float32.
    largest = gradient.abs().amax((1, 2), keepdim=True)
    scaled = gradient / largest.clamp(min=torch.finfo(gradient.dtype).tiny)
    length = scaled.square().sum((1, 2), keepdim=True).sqrt()
    return epsilon * scaled / length.clamp(min=1)


def gradients(
    model: "SentimentClassifier",
    tokens: Tensor,
    lengths: Tensor,
    labels: Tensor,
    loss_of: Callable[[Tensor], Tensor],
    context: Callable[[], AbstractContextManager[None]],
    epsilon: float,
) -> tuple[Tensor, Tensor]:
    """Add the gradient of the adversarial objective L(words) + L(words + r) to the weights.

    r is `perturbation` of the gradient of L, and taken as a constant. Both losses see the same
    words and coordinates dropped. The gradient by the word vectors serves for r and for the weights
    of the embedding, so that this costs twice as much as training without it.

    Args:
        model: the classifier.
        tokens: token numbers, (B, T).
        lengths: real tokens of each review, (B,).
        labels: of the reviews, (B,), which the evidence of n-grams leaves out.
        loss_of: L as a function of the logits, (B,), a scalar.
        context: gives the context in which the model computes.
        epsilon: ε.

    Returns:
        The loss L(words) and the logits, (B,), without the perturbation.

    Source: Miyato, Dai and Goodfellow (2017), ICLR, equations 5 and 6, with λ = 1.
    """

    def half(words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Add the gradient by the weights behind the embedding, return that by the words too."""
        leaf = words.detach().requires_grad_()
        with context():
            logits = model.judge(leaf, lengths)
        loss = loss_of(logits)
        loss.backward()
        assert leaf.grad is not None
        return leaf.grad, loss.detach(), logits.detach()

    words = model.embed(tokens, labels)
    first, loss, logits = half(words)
    second, _, _ = half(words.detach() + perturbation(first, epsilon))
    words.backward(first + second)
    return loss, logits


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
        how: `last` for the state of the last real token, `mean` or `max` over all real tokens,
            `mean and max` for both, (B, 2H).
    """
    if how == "last":
        return states[torch.arange(len(states), device=states.device), lengths - 1]
    steps = torch.arange(states.shape[1], device=states.device)
    padding = (steps >= lengths.unsqueeze(1)).unsqueeze(-1)  # (B, T, 1)
    read = []
    if "mean" in how:
        read.append(states.masked_fill(padding, 0).sum(1) / lengths.unsqueeze(1))
    if "max" in how:
        read.append(states.masked_fill(padding, float("-inf")).amax(1))
    return torch.cat(read, dim=-1)


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
        kind = LAYERS[config.kind]
        sizes = config.embedding_size, config.hidden_size, config.num_layers
        self.recurrent = kind(*sizes, batch_first=True)
        self.backward_recurrent = kind(*sizes, batch_first=True) if config.bidirectional else None
        self.dropout = nn.Dropout(config.dropout)
        read = config.hidden_size * (1 + config.bidirectional) * len(config.readout.split(" and "))
        self.classifier = nn.Linear(read, 1)
        counted = vocabulary_size, config.evidence, config.embedding_size, config.evidence_dropout
        self.evidence = Evidence(*counted) if config.evidence else None

    def embed(self, tokens: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the word vectors, (B, T, E), of token numbers, (B, T).

        Args:
            tokens: token numbers.
            own: for training reviews, their labels, (B,), see `Evidence.ratios`.
        """
        evidence = None if self.evidence is None else self.evidence(tokens, own)
        if self.training and self.config.word_dropout:
            tokens = drop_words(tokens, self.config.word_dropout)
        words = self.embedding(tokens)
        if self.training and self.config.embedding_dropout:
            words = drop_coordinates(words, self.config.embedding_dropout)
        return words if evidence is None else words + evidence

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

    def forward(self, tokens: Tensor, lengths: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the logits, (B,), of token numbers (B, T) with (B,) real tokens each."""
        return self.judge(self.embed(tokens, own), lengths)
