"""Evidence of n-grams as an input: how much oftener one stands in reviews of one label.

Shapes: B batch, T time, n words of the longest n-gram, K n-grams that were counted, E embedding.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lstm_report.config import PAD

SMOOTHING = 1.0
"""α, added to each count; of Wang and Manning (2012), section 2.1."""
LEAST_REVIEWS = 2
"""Reviews that an n-gram must stand in: one review alone says nothing of another."""


class Evidence(nn.Module):
    """Maps the evidence of the n-grams that end at each word to a vector that is added to its own.

    An n-gram f that stands in p_f of the N₊ positive and in q_f of the N₋ negative reviews has the
    evidence

        r_f = ln((p_f + α) / (N₊ + 2α)) - ln((q_f + α) / (N₋ + 2α)),

    and one that stands in none has 0. To a word belong the n-grams of 1 to n words that end with
    it, r_1 to r_n, and the vector W (r_1, …, r_n) with a learned W (E, n). A review that was
    counted is read by the counts of the others alone, or it would tell its own label.

    Args:
        vocabulary_size: V; n-grams are numbered by the numbers of their words.
        longest: n, at least 1; V to the n has to be below 2^63.
        size: E.
        dropout: probability with which an r is 0 in training, where the others are made greater.

    Source: Wang and Manning (2012), ACL, section 2.1, equation 2, with reviews in place of features
    in the denominators; as an input to a network, this project.
    """

    keys: Tensor  # (K,) int64, increasing
    counts: Tensor  # (K, 2) float32: p_f and q_f
    reviews: Tensor  # (2,) float32: N₊ and N₋

    def __init__(self, vocabulary_size: int, longest: int, size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.vocabulary_size, self.longest = vocabulary_size, longest
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Linear(longest, size, bias=False)
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(0, 2))
        self.register_buffer("reviews", torch.zeros(2))

    def count(self, tokens: Tensor, offsets: Tensor, labels: Tensor) -> None:
        """Count the n-grams of reviews, each once a review.

        Args:
            tokens: the token numbers of all reviews, one after the other, (S,).
            offsets: review k is `tokens[offsets[k]:offsets[k + 1]]`, (N + 1,).
            labels: the probability that each is positive, (N,); 0 or 1 where it is known.
        """
        lengths = offsets.diff()
        review = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        place = torch.arange(len(tokens)) - offsets[:-1].repeat_interleave(lengths)
        keys, counts = [], []
        for words, found in enumerate(self._numbered(tokens, place).unbind(-1), start=1):
            inside = place >= words - 1
            found, order = found[inside].sort(stable=True)  # the reviews of a key stay in order
            read = review[inside][order]
            once = torch.ones_like(found, dtype=torch.bool)
            once[1:] = (found[1:] != found[:-1]) | (read[1:] != read[:-1])
            known, which, total = found[once].unique_consecutive(
                return_inverse=True, return_counts=True
            )
            positive = torch.zeros(len(known), dtype=torch.float64)
            positive.index_add_(0, which, labels[read[once]].double())
            often = total >= LEAST_REVIEWS
            keys.append(known[often])
            counts.append(torch.stack((positive, total - positive), dim=1)[often].float())
        self.keys, self.counts = torch.cat(keys), torch.cat(counts)
        self.reviews = torch.stack((labels.sum(), (1 - labels).sum())).float()

    def _numbered(self, tokens: Tensor, place: Tensor) -> Tensor:
        """Return the number of the n-grams that end at each token, (…, T, n), or -1 for none.

        Args:
            tokens: token numbers, (…, T).
            place: words before each token in its review, (…, T).
        """
        found, number, first, power = [], torch.zeros_like(tokens), 0, 1
        for words in range(1, self.longest + 1):
            # The word that comes first in the n-gram counts V to the n - 1.
            earlier = tokens.roll(words - 1, -1)
            number = number + earlier * power
            whole = (place >= words - 1) & (tokens != PAD)
            found.append(torch.where(whole, first + number, -1))
            power *= self.vocabulary_size
            first += power
        return torch.stack(found, -1)

    def ratios(self, tokens: Tensor, own: Tensor | None = None) -> Tensor:
        """Return r of the n-grams that end at each word, (B, T, n).

        Args:
            tokens: token numbers, (B, T).
            own: for reviews that were counted, the labels that they were counted with, (B,), which
                are taken out of the counts again; `None` for other reviews.
        """
        place = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        numbers = self._numbered(tokens, place)
        if not len(self.keys):
            return torch.zeros(numbers.shape, device=tokens.device)
        row = torch.searchsorted(self.keys, numbers).clamp(max=len(self.keys) - 1)
        known = (self.keys[row] == numbers).unsqueeze(-1)
        counts, reviews = self.counts[row] * known, self.reviews  # (B, T, n, 2), (2,)
        if own is not None:
            label = torch.stack((own, 1 - own), -1).float()[:, None, None]  # (B, 1, 1, 2)
            counts, reviews = (counts - label * known).clamp(min=0), reviews - label
        shares = ((counts + SMOOTHING) / (reviews + 2 * SMOOTHING)).log()
        anywhere = counts.sum(-1) > 1e-3  # what is left of probabilities that were added is not 0
        return (shares[..., 0] - shares[..., 1]).where(anywhere, 0)

    def forward(self, tokens: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the vectors, (B, T, E), of `ratios` of the same arguments; zero for padding."""
        return self.map(self.dropout(self.ratios(tokens, own).to(self.map.weight.dtype)))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        for name in ("keys", "counts"):  # there are as many as were counted
            if (kept := state_dict.get(f"{prefix}{name}")) is not None:
                setattr(self, name, torch.empty_like(kept, device=self.reviews.device))
        super()._load_from_state_dict(state_dict, prefix, *others)
