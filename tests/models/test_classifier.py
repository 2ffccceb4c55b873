"""The classifier: padding, both directions, dropout of words and coordinates, adversarial steps."""

import contextlib

import numpy as np
import pandas as pd
import pytest
import small_studies
import torch
from small_studies import ALL
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_report import config, paths
from lstm_report.config import PAD, UNK, ModelConfig
from lstm_report.data.prepared import prepare
from lstm_report.models.classifier import (
    NormalisedEmbedding,
    SentimentClassifier,
    drop_coordinates,
    drop_words,
    gradients,
    perturbation,
    read_out,
)
from lstm_report.training import loop, steps

UNTIMED = [name for name in loop.COLUMNS if name not in ("seconds", "tokens_per_second")]
LENGTHS = torch.tensor([6, 1, 4])


def classifier(**settings):
    torch.manual_seed(0)
    given = {"embedding_size": 5, "hidden_size": 7, "bidirectional": True} | settings
    return SentimentClassifier(11, ModelConfig(**given)).double().eval()


def tokens_of(lengths=LENGTHS, width=6):
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(2, 11, (len(lengths), width), generator=generator)
    return tokens.masked_fill(torch.arange(width) >= lengths[:, None], PAD)


@pytest.mark.parametrize("readout", config.READOUTS)
@pytest.mark.parametrize("kind", config.KINDS)
def test_padding_never_changes_a_prediction(kind, readout):
    torch.manual_seed(0)
    chosen = ModelConfig(kind=kind, embedding_size=5, hidden_size=7, num_layers=2, readout=readout)
    model = SentimentClassifier(11, chosen).double().eval()
    tokens = torch.randint(1, 11, (3, 6))
    lengths = torch.tensor([6, 2, 4])
    noise = torch.randint(1, 11, (3, 9))
    noise[:, :6] = tokens
    rows = [model(tokens[k : k + 1, :n], torch.tensor([n])) for k, n in enumerate(lengths)]
    for padded in (tokens, noise):
        torch.testing.assert_close(model(padded, lengths), torch.cat(rows), rtol=0, atol=1e-12)


def test_read_outs_by_hand():
    states = torch.tensor([[[1.0], [5.0], [3.0], [99.0]]])
    lengths = torch.tensor([3])
    assert [read_out(states, lengths, how).item() for how in ("last", "mean", "max")] == [3, 3, 5]


# Both directions


def states_of(kind, words, layer):
    """Return h_1 … h_T, (T, H), by the equations, in NumPy."""
    p = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    h = c = np.zeros(p["weight_hh_l0"].shape[1])
    states = []
    for x in words:
        bias = p["bias_ih_l0"] + p["bias_hh_l0"]
        i, f, g, o = np.split(p["weight_ih_l0"] @ x + p["weight_hh_l0"] @ h + bias, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        if kind == "reslstm":
            h = h + p["weight_res_l0"] @ x
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize("readout", config.READOUTS)
@pytest.mark.parametrize("kind", config.MODELS)
def test_both_directions_are_read_out_as_a_loop_does(kind, readout):
    model, tokens = classifier(kind=kind, readout=readout), tokens_of()
    expected = []
    for row, length in zip(tokens, LENGTHS, strict=True):
        words = model.embedding.weight.detach().numpy()[row[:length].numpy()]
        ahead = states_of(kind, words, model.recurrent)
        back = states_of(kind, words[::-1], model.backward_recurrent)[::-1]
        means, largest = (ahead.mean(0), back.mean(0)), (ahead.max(0), back.max(0))
        both = means[0], largest[0], means[1], largest[1]
        ends = {"last": (ahead[-1], back[0]), "mean": means, "max": largest, "mean and max": both}[
            readout
        ]
        weight = model.classifier.weight.detach().numpy()[0]
        expected.append(weight @ np.concatenate(ends) + model.classifier.bias.item())
    found = model(tokens, LENGTHS).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_one_layer_in_both_directions_is_that_of_pytorch():
    model, tokens = classifier(readout="max"), tokens_of()
    peer = nn.LSTM(5, 7, batch_first=True, bidirectional=True).double()
    ahead, back = (layer.state_dict() for layer in (model.recurrent, model.backward_recurrent))
    peer.load_state_dict(ahead | {f"{name}_reverse": value for name, value in back.items()})
    packed = pack_padded_sequence(
        model.embedding(tokens), LENGTHS, batch_first=True, enforce_sorted=False
    )
    states, _ = pad_packed_sequence(peer(packed)[0], batch_first=True, padding_value=-np.inf)
    expected = model.classifier(states.amax(1)).squeeze(-1)
    torch.testing.assert_close(model(tokens, LENGTHS), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("readout", config.READOUTS)
@pytest.mark.parametrize("kind", config.KINDS)
def test_padding_reaches_no_state_that_is_read_out(kind, readout):
    model = classifier(
        kind=kind, num_layers=2, readout=readout, normalised_embedding=True, word_dropout=0.5,
        embedding_dropout=0.5,
    )  # fmt: skip
    tokens = tokens_of()
    noise = torch.randint(2, 11, (3, 9), generator=torch.Generator().manual_seed(2))
    noise[:, :6] = torch.where(tokens == PAD, noise[:, :6], tokens)
    rows = [model(tokens[k : k + 1, :n], LENGTHS[k : k + 1]) for k, n in enumerate(LENGTHS)]
    for padded in (tokens, noise):
        torch.testing.assert_close(model(padded, LENGTHS), torch.cat(rows), rtol=0, atol=1e-12)
    words = model.embed(noise).detach().requires_grad_()
    model.judge(words, LENGTHS).sum().backward()
    assert torch.count_nonzero(words.grad[torch.arange(9) >= LENGTHS[:, None]]) == 0


# Embedding


def test_normalised_vectors_have_mean_0_and_variance_1_over_the_text():
    torch.manual_seed(3)
    embedding = NormalisedEmbedding(6, 4)
    text = torch.tensor([PAD, 1, 1, 2, 3, 3, 3, 5, PAD], dtype=torch.int32)
    embedding.count(text)
    read = embedding(text[text != PAD].long()).detach().numpy()
    np.testing.assert_allclose(read.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(read.var(0), 1, atol=1e-4)
    assert torch.count_nonzero(embedding(torch.tensor([PAD]))) == 0
    before = embedding.vectors()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(embedding.vectors(), before, rtol=0, atol=0)
    with torch.no_grad():  # longer vectors elsewhere are the same vectors
        embedding.weight.mul_(7).add_(2)
    torch.testing.assert_close(embedding.vectors(), before, rtol=0, atol=1e-4)


def test_words_are_dropped_at_the_rate_and_padding_never():
    torch.manual_seed(4)
    tokens = torch.full((200, 100), 7)
    tokens[:, 80:] = PAD
    dropped = drop_words(tokens, 0.3)
    real = dropped[:, :80]
    assert set(real.unique().tolist()) == {UNK, 7} and (dropped[:, 80:] == PAD).all()
    assert (real == UNK).double().mean().item() == pytest.approx(0.3, abs=0.015)
    assert (real == UNK).double().mean(0).std() < 0.06  # not whole reviews or places
    assert (tokens[:, :80] == 7).all()


def test_a_coordinate_is_dropped_for_a_whole_review():
    torch.manual_seed(5)
    words = torch.rand(300, 4, 40, dtype=torch.float64) + 1
    dropped = drop_coordinates(words, 0.25)
    gone = dropped == 0
    assert (gone == gone[:, :1]).all(), "the mask changes over time"
    assert not (gone == gone[:1]).all(), "all reviews share a mask"
    assert gone.double().mean().item() == pytest.approx(0.25, abs=0.02)
    torch.testing.assert_close(dropped[~gone], words[~gone] / 0.75)


def test_nothing_is_dropped_in_judging():
    model, tokens = classifier(word_dropout=0.5, embedding_dropout=0.5, dropout=0.0), tokens_of()
    plain = classifier(dropout=0.0)
    assert torch.equal(model(tokens, LENGTHS), plain(tokens, LENGTHS))
    model.train()
    assert not torch.equal(model(tokens, LENGTHS), plain(tokens, LENGTHS))
    for name in ("word_dropout", "embedding_dropout"):
        alone = classifier(**{name: 0.5}, dropout=0.0).train()
        assert not torch.equal(alone(tokens, LENGTHS), plain(tokens, LENGTHS)), name


# Adversarial training


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_a_perturbation_has_length_epsilon_along_the_gradient(scale):
    gradient = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(6)) * scale
    gradient[1] = 0
    found = perturbation(gradient, 2.5)
    lengths = found.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([2.5, 0.0, 2.5, 2.5]))
    for row in (0, 2, 3):
        cosine = torch.cosine_similarity(
            found[row].flatten(), (gradient[row] / scale).flatten(), dim=0
        )
        assert cosine.item() == pytest.approx(1, abs=1e-5)


def loss_of(labels):
    return lambda logits: nn.functional.binary_cross_entropy_with_logits(logits, labels)


def test_gradients_are_those_of_both_losses_together():
    """Against one graph over both losses, with the perturbation found by another pass."""
    labels, tokens = torch.tensor([1.0, 0.0, 1.0]).double(), tokens_of()
    model = classifier(normalised_embedding=True, readout="max")
    loss, logits = gradients(
        model, tokens, LENGTHS, labels, loss_of(labels), contextlib.nullcontext, 0.7
    )
    found = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad(set_to_none=True)

    words = model.embed(tokens)
    (slope,) = torch.autograd.grad(loss_of(labels)(model.judge(words, LENGTHS)), words,
                                   retain_graph=True)  # fmt: skip
    r = 0.7 * slope / slope.flatten(1).norm(dim=1)[:, None, None]
    clean = loss_of(labels)(model.judge(words, LENGTHS))
    moved = loss_of(labels)(model.judge(words + r, LENGTHS))
    (clean + moved).backward()
    assert moved > clean, "the perturbation does not raise the loss"
    random = torch.randn_like(r) * (r != 0)
    random *= 0.7 / random.flatten(1).norm(dim=1)[:, None, None]
    assert moved > loss_of(labels)(model.judge(words + random, LENGTHS))
    torch.testing.assert_close(loss, clean.detach())
    torch.testing.assert_close(logits, model(tokens, LENGTHS).detach())
    for name, value in model.named_parameters():
        torch.testing.assert_close(found[name], value.grad, rtol=0, atol=1e-12, msg=name)


# Training


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        return prepare(small_studies.source(test=80), small({}).data)


def small(settings):
    return small_studies.small(**{"data.train_limit": 160, "training.epochs": 3} | settings)


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return loop.fit(small({}), data=data, progress=False, directory=folder)


@pytest.mark.parametrize("kind", config.MODELS)
def test_a_run_with_all_of_it_that_was_stopped_ends_as_one_that_was_not(kind, data, tmp_path):
    settings = small(ALL | {"model.kind": kind, "model.readout": "max"})
    whole = loop.fit(settings, data=data, progress=False, directory=tmp_path / "whole")

    def stop(metrics):
        if len(metrics) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.fit(settings, data=data, progress=False, directory=tmp_path / "cut", on_epoch=stop)
    resumed = loop.fit(settings, data=data, progress=False, directory=tmp_path / "cut")
    pd.testing.assert_frame_equal(
        resumed.metrics[UNTIMED], whole.metrics[UNTIMED], check_exact=True
    )
    pd.testing.assert_frame_equal(resumed.predictions, whole.predictions, check_exact=True)
    model = whole.load_model()
    counts = np.bincount(data.train.tokens, minlength=data.vocabulary_size)
    np.testing.assert_allclose(model.embedding.shares, counts / counts.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"model.bidirectional": True},
        {"model.normalised_embedding": True},
        {"model.word_dropout": 0.2},
        {"model.embedding_dropout": 0.4},
        {"training.schedule": "linear"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_each_setting_alone_changes_the_training(settings, data, plain, tmp_path):
    run = loop.fit(
        small(settings | {"training.epochs": 1}), data=data, progress=False, directory=tmp_path
    )
    assert run.metrics["train_loss"][0] != plain.metrics["train_loss"][0]


def test_adversarial_training_changes_the_weights_and_states_the_loss_without_it(data, tmp_path):
    normalised = {"model.normalised_embedding": True, "model.dropout": 0.0, "training.epochs": 1}
    normalised |= {"training.learning_rate": 1e-9}  # the weights stay, and so does the loss
    without, adversarial = (
        loop.fit(small(normalised | {"training.adversarial": epsilon}), data=data,
                 progress=False, directory=tmp_path)
        for epsilon in (0.0, 5.0)
    )  # fmt: skip
    first, second = (run.metrics.iloc[0] for run in (without, adversarial))
    assert second["train_loss"] == pytest.approx(first["train_loss"], rel=1e-3)
    assert second["gradient_norm"] > 1.5 * first["gradient_norm"]


def test_every_step_has_the_size_of_its_number(data, tmp_path, monkeypatch):
    sizes, step = [], torch.optim.Adam.step

    def noting(self, *arguments):
        sizes.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", noting)
    settings = small({"training.schedule": "linear", "training.learning_rate": 0.01})
    loop.fit(settings, data=data, progress=False, directory=tmp_path)
    count = 3 * 5  # 160 reviews in batches of 32
    expected = [0.01 * steps.factor("linear", k, count) for k in range(1, count + 1)]
    np.testing.assert_allclose(sizes, expected)


def test_evidence_is_added_to_the_words_and_leaves_out_the_own_label_in_training_alone():
    model, tokens = classifier(evidence=2), tokens_of()
    rows = [row[:n] for row, n in zip(tokens, LENGTHS, strict=True)]
    offsets = torch.tensor([0, *np.cumsum([2 * len(row) for row in rows])])
    labels = torch.tensor([1.0, 0.0, 1.0]).double()
    model.evidence.count(torch.cat([part for row in rows for part in (row, row)]), offsets, labels)
    words = model.embed(tokens, labels)
    expected = model.embedding(tokens) + model.evidence.map(
        model.evidence.ratios(tokens, labels).double()
    )
    torch.testing.assert_close(words, expected)
    assert not torch.allclose(words, model.embed(tokens))
    assert not words[tokens == PAD].any()
    torch.testing.assert_close(model(tokens, LENGTHS, labels), model.judge(words, LENGTHS))
