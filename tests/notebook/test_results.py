"""Tables of the reviews, counted by hand."""

import math

import numpy as np

from lstm_report.data.readers import Reviews
from lstm_report.notebook import results


def reviews(*entries):
    texts, labels = zip(*entries, strict=True)
    return Reviews(list(texts), np.array(labels))


PART = reviews(("good film", 1), ("good  FILM", 1), ("bad film", 0), ("good but bad", 0))


def test_balance_counts_each_label():
    (row,) = results.balance({"training": PART}).to_dict("records")
    assert row == {"part": "training", "negative": 2, "positive": 2, "share positive": 0.5}


def test_copies_are_found_whatever_case_and_blanks():
    test = reviews(("GOOD film", 1), ("another", 0), ("another", 0))
    assert results.duplicates(PART, test) == {"train": 1, "test": 1, "across": 1}


def test_words_are_ranked_by_their_log_odds():
    found = results.polar_words(PART, count=1, smallest=2)
    (row,) = found.to_dict("records")
    assert (row["positive word"], row["negative word"]) == ("good", "bad")
    # In 2 of 2 positive and 1 of 2 negative reviews; in none and 2; each count plus 1.
    assert row["log odds"] == math.log(3 / 1) - math.log(2 / 2)
    assert math.isclose(row["log odds "], math.log(1 / 3) - math.log(3 / 1))
    assert results.count_words(PART)["good"] == 3


def test_an_excerpt_is_the_end_of_a_review():
    assert results.excerpt("one two<br />three four", words=2) == "… three four"
    assert results.excerpt("one two", words=5) == "one two"
