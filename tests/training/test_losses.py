"""What training minimises, what binary cross-entropy makes of predictions, and run names."""

import dataclasses

import numpy as np
import pytest
import small_studies
import torch
from small_studies import small

from lstm_report import config, paths
from lstm_report.data.prepared import prepare
from lstm_report.errors import UserError
from lstm_report.training import loop, losses

LABELS = torch.tensor([0.0, 1, 1, 0, 1, 0], dtype=torch.float64)
LOGITS = torch.tensor([-4.0, 3.0, -0.4, 0.7, 0.2, 5.0], dtype=torch.float64)


@pytest.mark.parametrize("name", config.LOSSES)
def test_gradients_are_those_of_difference_quotients(name):
    logits = LOGITS.clone().requires_grad_()  # none of them at the hinge's corner
    assert torch.autograd.gradcheck(lambda z: losses.OBJECTIVES[name](LABELS, z), logits)


def test_objectives_are_the_formulas():
    y, z = LABELS.numpy(), LOGITS.numpy()
    p = 1 / (1 + np.exp(-z))
    soft = np.where(y == 1, 0.95, 0.05)
    expected = {
        "bce": -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
        "smoothed": -(soft * np.log(p) + (1 - soft) * np.log(1 - p)).mean(),
        "hinge": np.maximum(0, 1 - np.where(y == 1, 1, -1) * z).mean(),
    }
    assert set(losses.OBJECTIVES) == set(expected) == set(config.LOSSES)
    for name, value in expected.items():
        assert losses.OBJECTIVES[name](LABELS, LOGITS).item() == pytest.approx(value, rel=1e-12)


def test_each_objective_is_least_where_it_should_be():
    z = torch.linspace(-8, 8, 16_001, dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    least = {
        name: z[np.argmin([objective(one, entry[None]).item() for entry in z])].item()
        for name, objective in losses.OBJECTIVES.items()
    }
    assert least["bce"] == 8
    assert torch.sigmoid(torch.tensor(least["smoothed"])).item() == pytest.approx(0.95, abs=1e-3)
    assert least["hinge"] == pytest.approx(1, abs=2e-3)


def test_training_minimises_what_is_chosen_and_states_cross_entropy(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    prepared, made = prepare(small_studies.source(train=200), small().data), {}
    for name in config.LOSSES:
        settings = small(**{"training.loss": name})
        made[name] = loop.fit(settings, data=prepared, progress=False, directory=tmp_path)
    assert len({run.directory for run in made.values()}) == 3
    for run in made.values():
        table = run.predictions
        stated = losses.cross_entropy_from_logits(
            torch.tensor(table["label"].to_numpy()).double(),
            torch.tensor(table["logit"].to_numpy()).double(),
        )
        assert run.summary["test_loss"] == pytest.approx(stated.mean().item(), rel=1e-6)
    first = {name: run.metrics["train_loss"].iloc[0] for name, run in made.items()}
    assert first["hinge"] > 0.8 and first["smoothed"] > first["bce"] - 0.05
    assert len({round(value, 4) for value in first.values()}) == 3


# Names of runs


def test_names_of_runs_recorded_before_the_field_came_stay():
    """These were computed with the code that had no field `loss`."""
    assert config.run_id(config.profile("quick"), "0123456789abcdef" * 4) == (
        "lstm-seed0-e26f77f03e92"
    )
    assert config.run_id(config.profile("source", model="reslstm", seed=3), "5" * 64) == (
        "reslstm-seed3-ad18288763c8"
    )


def test_another_loss_is_another_run():
    base = config.profile("quick")
    names = set()
    for loss in config.LOSSES:
        changed = dataclasses.replace(base.training, loss=loss)
        names.add(config.run_id(dataclasses.replace(base, training=changed), "5" * 64))
    assert len(names) == len(config.LOSSES)


def test_a_configuration_without_the_later_field_has_its_default():
    base = config.profile("quick")
    values = config.to_dict(base)
    assert values["training"].pop("loss") == "bce"
    assert config.from_dict(values) == base
    values["training"]["loss"] = "hinge"
    assert config.from_dict(values).training.loss == "hinge"
    del values["training"]["clip_norm"]
    with pytest.raises(UserError, match="missing key 'clip_norm'"):
        config.from_dict(values)


def test_an_unknown_loss_is_told():
    with pytest.raises(UserError, match="Unknown loss 'focal': expected one of bce, smoothed"):
        config.TrainingConfig(loss="focal")
