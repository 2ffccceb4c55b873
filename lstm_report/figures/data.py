"""Tables and figures of the reviews themselves: data in, table or `Figure` out."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lstm_report.data.readers import Reviews
from lstm_report.data.sources import normalised
from lstm_report.data.tokens import read_words
from lstm_report.figures import style
from lstm_report.training.baselines import Baseline


def count_words(reviews: Reviews) -> Counter[str]:
    """Return how often each token stands in the reviews."""
    counts: Counter[str] = Counter()
    for text in reviews.texts:
        counts.update(read_words(text))
    return counts


def balance(parts: Mapping[str, Reviews]) -> pd.DataFrame:
    """Return the number of reviews of each label in each part.

    Returns:
        Columns part, negative, positive, share positive.
    """
    return pd.DataFrame(
        {
            "part": name,
            "negative": int((reviews.labels == 0).sum()),
            "positive": int((reviews.labels == 1).sum()),
            "share positive": float(reviews.labels.mean()),
        }
        for name, reviews in parts.items()
    )


def duplicates(train: Reviews, test: Reviews) -> dict[str, int]:
    """Return how many reviews are copies, after white space and case are made equal.

    Returns:
        `train` and `test`: copies beyond the first within the part; `across`: test reviews whose
        text also stands in train.
    """
    keys = {
        name: [normalised(text) for text in part.texts]
        for name, part in (("train", train), ("test", test))
    }
    known = set(keys["train"])
    return {
        **{name: len(entries) - len(set(entries)) for name, entries in keys.items()},
        "across": sum(key in known for key in keys["test"]),
    }


def polar_words(
    reviews: Reviews, *, count: int = 10, smallest: int = 50, smoothing: float = 1.0
) -> pd.DataFrame:
    """Return the words whose presence says most about the label.

    The measure is the log odds ratio ln[(n₊ + s) / (N₊ - n₊ + s)] - ln[(n₋ + s) / (N₋ - n₋ + s)],
    where n of the N reviews of a label contain the word and s smooths.

    Args:
        reviews: the training reviews.
        count: words per side.
        smallest: reviews that must contain a word.
        smoothing: s.

    Returns:
        Columns positive word, its log odds, negative word, its log odds; strongest first.
    """
    holding = {label: Counter[str]() for label in (0, 1)}
    for text, label in zip(reviews.texts, reviews.labels, strict=True):
        holding[int(label)].update(set(read_words(text)))
    totals = {label: int((reviews.labels == label).sum()) for label in (0, 1)}

    def log_odds(word: str, label: int) -> float:
        inside = holding[label][word] + smoothing
        return float(np.log(inside / (totals[label] - holding[label][word] + smoothing)))

    scores = {
        word: log_odds(word, 1) - log_odds(word, 0)
        for word in holding[0] | holding[1]
        if word[0].isalpha() and holding[0][word] + holding[1][word] >= smallest
    }
    ranked = sorted(scores, key=lambda word: scores[word])
    pairs = zip(reversed(ranked[-count:]), ranked[:count], strict=True)
    return pd.DataFrame(
        [
            {
                "positive word": good,
                "log odds": scores[good],
                "negative word": bad,
                "log odds ": scores[bad],
            }
            for good, bad in pairs
        ]
    )


@style.apply()
def length_distribution(lengths: Sequence[int], cut: int) -> Figure:
    """Draw how many tokens reviews have, with the cut-off marked.

    Args:
        lengths: tokens of each review before cutting.
        cut: tokens kept of a longer review.
    """
    figure, axis = style.figure(height=2.8)
    last = float(np.quantile(lengths, 0.99))
    axis.hist(np.minimum(lengths, last), bins=60, color=style.PALETTE["blue"], alpha=0.8)
    axis.axvline(cut, color=style.PALETTE["vermilion"], label=f"cut at {cut} tokens")
    axis.set(xlabel="length of a review (tokens)", ylabel="reviews", xlim=(0, last))
    axis.legend()
    return style.finish(figure)


@style.apply()
def vocabulary_coverage(train: Counter[str], test: Counter[str], size: int) -> Figure:
    """Draw the share of running words that the most frequent training words cover.

    Args:
        train: counts of the training words; their order gives the vocabulary.
        test: counts of the test words.
        size: the size of the vocabulary in use, marked.
    """
    words = [word for word, _ in train.most_common()]
    ranks = np.arange(1, len(words) + 1)
    figure, axis = style.figure(height=2.8)
    for name, counts, colour, line in (
        ("training", train, "blue", "-"),
        ("test", test, "vermilion", "--"),
    ):
        covered = np.cumsum([counts[word] for word in words]) / max(counts.total(), 1)
        axis.plot(ranks, covered, line, color=style.PALETTE[colour], label=f"{name} reviews")
    axis.axvline(size, color=style.PALETTE["grey"], linewidth=1, label=f"{size:,} words")
    axis.set(
        xscale="log", xlabel="vocabulary (most frequent words)", ylabel="running words covered"
    )
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.legend()
    return style.finish(figure)


def baseline_table(baselines: Sequence[Baseline]) -> pd.DataFrame:
    """Return the test accuracy of linear baselines with their intervals.

    Returns:
        Columns model, test accuracy, low, high, seconds.
    """
    return pd.DataFrame(
        {
            "model": entry.name,
            "test accuracy": entry.accuracy.estimate,
            "low": entry.accuracy.low,
            "high": entry.accuracy.high,
            "seconds": entry.seconds,
        }
        for entry in baselines
    )
