"""The linear baselines learn what is there, choose on validation only, and count as defined."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from lstm_report.statistics import intervals
from lstm_report.training import baselines
from lstm_report.training.baselines import linear_baseline

FILLER = [f"w{k}" for k in range(200)]


def reviews(generator, total, *, signal=0.9):
    """Write reviews of filler words and one telling word, right with probability `signal`."""
    labels = generator.integers(0, 2, size=total)
    texts = []
    for label in labels:
        right = generator.random() < signal
        telling = "superb" if bool(label) == right else "dreadful"
        texts.append(" ".join([*generator.choice(FILLER, 30), telling]))
    return SimpleNamespace(texts=texts, labels=labels)


@pytest.fixture(scope="module")
def corpus():
    generator = np.random.default_rng(30)
    return [reviews(generator, total) for total in (1200, 400, 1000)]


@pytest.mark.parametrize("features", baselines.STRENGTHS)
def test_a_telling_word_is_found(corpus, features):
    train, validation, test = corpus
    result = linear_baseline(train, validation, test, features=features, top=3)
    assert result.accuracy.low > 0.80
    assert result.accuracy.high > 0.86  # as good as the word itself, 90 %
    assert result.top_positive[0][0] == "superb" and result.top_positive[0][1] > 0
    assert result.top_negative[0][0] == "dreadful" and result.top_negative[0][1] < 0
    assert len(result.top_positive) == len(result.top_negative) == 3
    assert result.accuracy == intervals.proportion_interval(int(result.correct.sum()), 1000)
    assert features in result.name and result.seconds > 0


def test_labels_without_a_signal_give_chance():
    generator = np.random.default_rng(31)
    train, validation, test = (reviews(generator, n, signal=0.5) for n in (600, 300, 1000))
    result = linear_baseline(train, validation, test)
    assert result.accuracy.low < 0.5 < result.accuracy.high


def test_the_test_labels_do_not_choose_the_model(corpus):
    train, validation, test = corpus
    wrong = SimpleNamespace(texts=test.texts, labels=1 - test.labels)
    right = linear_baseline(train, validation, test)
    turned = linear_baseline(train, validation, wrong)
    assert (right.correct == ~turned.correct).all()
    assert (right.strength, right.top_positive) == (turned.strength, turned.top_positive)


def test_the_validation_labels_choose_the_penalty():
    """The words of a rare sort are noise in training: only a weak penalty repeats it."""
    generator = np.random.default_rng(32)
    train = reviews(generator, 400, signal=0.6)
    repeated = SimpleNamespace(texts=train.texts, labels=train.labels)
    fresh = reviews(generator, 2000, signal=0.6)
    by_heart = linear_baseline(train, repeated, fresh).strength
    by_rule = linear_baseline(train, fresh, fresh).strength
    assert by_heart == max(baselines.STRENGTHS["bag of words"])
    assert by_rule < by_heart


def test_only_pairs_of_words_read_negation():
    generator = np.random.default_rng(33)

    def negated(total):
        negation, good = generator.integers(0, 2, size=(2, total))
        texts = [
            f"{'not' if n else 'so'} {'good' if g else 'bad'} w{k % 50}"
            for k, (n, g) in enumerate(zip(negation, good, strict=True))
        ]
        return SimpleNamespace(texts=texts, labels=negation ^ good)

    train, validation, test = negated(600), negated(200), negated(400)
    single = linear_baseline(train, validation, test, ngrams=(1, 1))
    double = linear_baseline(train, validation, test, ngrams=(1, 2))
    assert single.accuracy.low < 0.6
    assert double.accuracy.estimate == 1.0
    assert (single.name, double.name) == ("bag of words, 1 word", "bag of words, 1 to 2 words")


def test_without_validation_a_tenth_of_training_is_set_aside(corpus):
    train, _, test = corpus
    first, second = (linear_baseline(train, None, test) for _ in range(2))
    assert first.accuracy.low > 0.80
    assert (first.correct == second.correct).all()


def test_terms_are_words_without_markup(corpus):
    vectorizer = baselines._vectorizer("bag of words", (1, 1))
    counts = vectorizer.fit_transform(["It's a 7/10!<br /><br />A FILM_noir <BR>café"])
    terms = dict(zip(vectorizer.get_feature_names_out(), counts.toarray()[0], strict=True))
    assert terms == {"it's": 1, "a": 2, "7": 1, "10": 1, "film": 1, "noir": 1, "café": 1}


def test_terms_of_naive_bayes_occur_or_not_and_keep_their_marks():
    vectorizer = baselines._vectorizer("nb-weighted", (1, 2))
    counts = vectorizer.fit_transform(["Bad, bad!<br />Film", "bad , bad film", "once"])
    terms = dict(zip(vectorizer.get_feature_names_out(), counts.toarray()[0], strict=True))
    assert terms == {"bad": 1, ",": 1, "film": 1, "bad ,": 1, ", bad": 1}


def test_weights_of_naive_bayes_against_a_calculation_by_hand():
    """Two positive reviews, "good film" and "good"; one negative, "bad film".

    With one added to each, p = (2, 3, 1) of 6 and q = (2, 1, 2) of 5 for (film, good, bad).
    """
    occurs = sparse.csr_matrix([[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    expected = np.log([(2 / 6) / (2 / 5), (3 / 6) / (1 / 5), (1 / 6) / (2 / 5)])
    found = baselines.naive_bayes_weights(occurs, np.array([1, 1, 0]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weights_of_naive_bayes_come_from_the_training_part_alone(corpus, monkeypatch):
    seen = []
    whole = baselines.naive_bayes_weights

    def noting(occurs, labels):
        seen.append(len(labels))
        return whole(occurs, labels)

    monkeypatch.setattr(baselines, "naive_bayes_weights", noting)
    train, validation, test = corpus
    linear_baseline(train, validation, test, features="nb-weighted")
    linear_baseline(train, None, test, features="nb-weighted")
    assert seen[0] == 1200 and 1000 < seen[1] < 1150


def test_other_texts_are_judged_as_the_test_reviews(corpus):
    train, validation, test = corpus
    for features in baselines.STRENGTHS:
        result = linear_baseline(train, validation, test, features=features)
        np.testing.assert_allclose(result.judge(test.texts[:50]), result.logits[:50])
        assert ((result.logits > 0) == (test.labels == 1)).tolist() == result.correct.tolist()
        good, bad = result.judge(["superb"]), result.judge(["dreadful"])
        assert good > 0 > bad


def test_bad_input_is_an_error(corpus):
    train, validation, test = corpus
    with pytest.raises(ValueError, match="features"):
        linear_baseline(train, validation, test, features="word2vec")
    one_label = SimpleNamespace(texts=["a", "b"], labels=np.array([1, 1]))
    with pytest.raises(ValueError, match="both labels"):
        linear_baseline(one_label, validation, test)
