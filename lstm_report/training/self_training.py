"""Self-training: what a model says of unlabelled reviews becomes the labels of the next one.

The teacher is a network averaged with the linear model over n-grams, which errs on other reviews;
its probabilities are the labels, so that what it is unsure of teaches little. Sources: Scudder
(1965), IEEE Transactions on Information Theory 11; with probabilities as labels, Xie et al. (2020),
CVPR, “Self-training with noisy student”.
"""

import dataclasses

import numpy as np
from scipy.special import expit

from lstm_report.config import RunConfig
from lstm_report.data import unlabelled
from lstm_report.data.prepared import PreparedData, Split, encode_reviews
from lstm_report.data.readers import Reviews
from lstm_report.training import baselines
from lstm_report.training.evaluate import logits_of
from lstm_report.training.runs import Run

LINEAR_PART = 0.4
"""Weight of the linear model in the teacher."""
LINEAR = baselines.LINEAR["nb-weighted n-grams"]


def teacher(config: RunConfig) -> RunConfig:
    """Return the run whose model labels the unlabelled reviews for this one: one round before."""
    training = dataclasses.replace(config.training, self_training=config.training.self_training - 1)
    return dataclasses.replace(config, training=training)


def labelled(run: Run, data: PreparedData) -> Split:
    """Return the training reviews and the unlabelled ones with the labels that a teacher gives.

    Args:
        run: the finished run of `teacher`.
        data: the reviews; their source must have unlabelled ones.

    Returns:
        The reviews to be trained on. A label is the probability of being positive, which is 0 or 1
        for a training review. No review stands among them whose text stands in the validation or
        in the test part.

    Raises:
        UserError: without unlabelled reviews.
    """
    texts = unlabelled.apart(data)
    asked = Reviews(texts, np.zeros(len(texts)))
    split = encode_reviews(asked, data.tokenizer, data.config)
    network = logits_of(run.load_model(), split).double().numpy()
    held = data.validation.reviews
    model = baselines.linear_baseline(data.train.reviews, held, held, **LINEAR._asdict())
    linear = model.judge(texts)
    linear *= network.std() / linear.std()  # one is not surer than the other
    said = expit((1 - LINEAR_PART) * network + LINEAR_PART * linear)
    train = data.train
    reviews = Reviews([*train.reviews.texts, *texts], np.concatenate([train.reviews.labels, said]))
    offsets = np.concatenate([train.offsets, train.offsets[-1] + split.offsets[1:]])
    return Split(reviews, np.concatenate([train.tokens, split.tokens]), offsets)
