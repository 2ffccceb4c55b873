"""The built-in corpus: seeded, and to be read by its rules rather than by counting words."""

import re

import numpy as np

from lstm_report.data import synthetic


def test_the_corpus_is_seeded_balanced_and_its_contrasts_lie_as_far_apart_as_asked():
    first, second = synthetic.write_reviews(50, seed=1), synthetic.write_reviews(50, seed=1)
    assert first.texts == second.texts and first.labels.sum() == 25
    assert first.texts != synthetic.write_reviews(50, seed=2).texts
    for distance in (0, 5, 100):
        random = np.random.default_rng(0)
        for spoken in (synthetic.contrast(random, k % 2, distance) for k in range(10)):
            commas = [k for k, word in enumerate(spoken) if word == ","]
            assert spoken[0] == "although" and spoken[commas[-1] + 1] == "but"
            assert commas[-1] - commas[0] - 1 == distance


def meaning(text):
    """What most opinions of a review of the corpus say, by the rules of its grammar."""
    opinions = []
    for part in re.split(r" but | \. ", text.removesuffix(" .")):
        words = set(part.split())
        polar = words & {*synthetic.POSITIVE} or words & {*synthetic.NEGATIVE}
        if not polar or part.startswith("although"):
            continue
        negated = any(f" {front} " in f" {part} " for front in synthetic.NEGATION)
        opinions.append(bool(words & {*synthetic.POSITIVE}) != negated)
    assert 3 <= len(opinions) <= 5 and 2 * sum(opinions) != len(opinions)
    return int(2 * sum(opinions) > len(opinions))


def test_rules_read_the_corpus_and_counting_words_does_not():
    train, test = synthetic.write_reviews(2000, seed=1), synthetic.write_reviews(1000, seed=2)
    assert [meaning(text) for text in test.texts] == test.labels.tolist()
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(token_pattern=r"\S+")
    model = LogisticRegression(C=0.05, max_iter=200)
    model.fit(counter.fit_transform(train.texts), train.labels)
    assert model.score(counter.transform(test.texts), test.labels) < 0.8
