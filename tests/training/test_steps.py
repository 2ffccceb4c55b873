"""The size of each step, and the running average of the weights."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lstm_report.training import steps


def test_the_step_size_rises_in_the_first_tenth_and_then_falls_to_near_0():
    found = [steps.factor("linear", step, 20) for step in range(1, 21)]
    np.testing.assert_allclose(found, [0.5, 1, *(k / 19 for k in range(18, 0, -1))])
    assert [steps.factor("constant", step, 20) for step in (1, 20)] == [1, 1]
    assert steps.factor("linear", 1, 1) == 1
    assert min(steps.factor("linear", step, 3) for step in (1, 2, 3)) > 0


@given(st.floats(0, 0.999), st.lists(st.floats(-9, 9), min_size=1, max_size=40))
def test_the_average_forgets_by_its_decay_and_the_initial_weights_soon(decay, weights):
    average, model = nn.Linear(1, 1).double(), nn.Linear(1, 1).double()
    expected = average.weight.item()
    for step, weight in enumerate(weights, start=1):
        nn.init.constant_(model.weight, weight)
        steps.add_to_average(average, model, decay, step)
        kept = min(decay, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * weight
    np.testing.assert_allclose(average.weight.item(), expected, rtol=1e-9, atol=1e-9)
    assert average.weight.requires_grad and average.weight.grad_fn is None


def test_what_is_constant_stays_in_the_average():
    model = nn.Linear(3, 2)
    average = nn.Linear(3, 2)
    average.load_state_dict(model.state_dict())
    for step in range(1, 200):
        steps.add_to_average(average, model, 0.99, step)
    torch.testing.assert_close(average.weight, model.weight)
