"""How often the rules of the second round would decide, with the seeds that were chosen.

For each part, runs are drawn as the first round and the trials before this one suggest: a mean and
a deviation, or a share. A draw that a rule decides as the assumed truth has it is a success.
`python -m lstm_report.claims.power` writes `results/round2/power.csv`.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lstm_report import paths
from lstm_report.claims.parts import ALPHA
from lstm_report.claims.verdicts import TESTED
from lstm_report.paths import REPOSITORY
from lstm_report.unpaired import Figure, contrast, share, share_difference, shift

DRAWS = 1_000
FILE = REPOSITORY / "results" / "round2" / "power.csv"
Draw = Callable[[np.random.Generator], Figure]


def _means(*groups: tuple[float, float, int, float]) -> Draw:
    """Return a contrast of groups of (mean, deviation, runs, weight)."""
    return lambda random: contrast(
        [random.normal(mean, deviation, runs) for mean, deviation, runs, _ in groups],
        [weight for *_, weight in groups],
    )


def _shares(first: tuple[float, int], second: tuple[float, int]) -> Draw:
    return lambda random: share_difference(
        *((random.random(runs) < p).tolist() for p, runs in (first, second))
    )


def _share(p: float, runs: int) -> Draw:
    return lambda random: share(int((random.random(runs) < p).sum()), runs)


def _bimodal(random: np.random.Generator) -> Figure:
    deep = np.where(random.random(20) < 0.4, random.normal(0.79, 0.01, 20), 0.51)
    return shift(deep, random.normal(0.807, 0.006, 20))


def _steps(random: np.random.Generator) -> Figure:
    return shift(random.normal(9.6, 0.35, 24), random.normal(10.3, 0.35, 24))


LSTM, RESIDUAL, MATCHED = (
    (0.8710, 0.0030, 24), (0.8671, 0.0036, 24), (0.8708, 0.0042, 24)
)  # fmt: skip
ONE, DEEP = (0.8005, 0.0032, 20), (0.7829, 0.0045, 20)
SCENARIOS: dict[str, tuple[bool, Draw]] = {
    "C1a": (True, _means((*LSTM, 1), (*RESIDUAL, -1))),
    "C1b": (False, _means((*LSTM, 1), (*RESIDUAL, -1))),
    "C10a": (True, _means((*RESIDUAL, 1), (*LSTM, -1))),
    "C10b": (True, _means((*MATCHED, 1), (*RESIDUAL, -1))),
    "C12b": (True, _means((0.0469, 0.0030, 24, 1))),
    "C12c": (True, _bimodal),
    "C2": (False, _share(0.20, 48)),
    "C3a": (True, _share(0.95, 24)),
    "C3b": (True, _share(0.95, 24)),
    "C3c": (False, _share(0.05, 48)),
    "C4a": (True, _means((0.1, 0.08, 23, 1))),
    "C4b": (False, _means((-9.0, 0.7, 24, 1))),
    "C4c": (True, _shares((0.95, 24), (0.0, 24))),
    "C8a": (True, _shares((0.97, 24), (0.03, 24))),
    "C8b": (False, _shares((0.03, 24), (0.03, 24))),
    "C8c": (True, _steps),
    "C8d": (False, _means((9.6, 0.35, 24, 1), (10.3, 0.35, 24, -1),
                          (8.3, 0.35, 24, -1), (9.0, 0.35, 24, 1))),
    "C8e": (False, _means((0.0, 0.004, 24, 1), (0.0, 0.004, 24, -1))),
    "C5a": (True, _means((-3.8, 0.12, 20, 1))),
    "C5b": (True, _means((0.22, 0.01, 20, 1), (-3.8, 0.12, 20, -1))),
    "C5c": (True, _means((-11.6, 0.3, 20, 1))),
    "C5d": (False, _means((-11.9, 0.25, 20, 1), (-11.6, 0.3, 20, -1))),
    "C6a": (True, _shares((0.4, 20), (1.0, 20))),
    "C6b": (True, _shares((1.0, 20), (0.4, 20))),
    "C6c": (True, _means((0.208, 0.008, 20, 1), (0.101, 0.015, 20, -1),
                         (0.216, 0.016, 20, -1), (0.181, 0.010, 20, 1))),
    "C7a": (True, _means((0.942, 0.01, 20, 1))),
    "C7b": (False, _means((-0.005, 0.013, 60, 1), (0.0, 0.013, 60, -1))),
    "C7c": (True, _means((0.998, 0.002, 20, 1), (0.12, 0.03, 20, -1))),
    "C7d": (True, _means((1.0, 0.001, 20, 1), (0.12, 0.03, 20, -1))),
    "D2": (True, _means((*DEEP, 1), (*ONE, -1))),
    "D3": (True, _means((0.8049, 0.0071, 15, 1), (0.8033, 0.0038, 15, -1))),
    "C9a": (True, _means((0.0469, 0.0030, 24, 1))),
    "C9b": (False, _means((0.861, 0.0035, 12, 1), (*LSTM, -1))),
    "C9c": (False, _means((-0.07, 0.01, 24, 1))),
    "C11b": (True, _means((0.76, 0.05, 48, 1))),
}  # fmt: skip
"""By part: whether it is true under the assumption, and how its figure is drawn."""


def power(draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return how often each part is decided as its assumption has it.

    Args:
        draws: simulated studies of each part.
        seed: of the draws.

    Returns:
        One row a part: part, assumed (supported or refuted), median (of the simulated figures),
        alone (share decided so by the 95% interval) and strictest (by an interval of the level that
        Holm's correction demands of the smallest p-value).
    """
    rows = []
    for part in TESTED:
        truth, draw = SCENARIOS[part.identity]
        random = np.random.default_rng([seed, sum(map(ord, part.identity))])
        drawn = [draw(random) for _ in range(draws)]
        judged = [part.rule.judge(figure) for figure in drawn]
        rows.append(
            {
                "part": part.identity,
                "assumed": "supported" if truth else part.against,
                "median": float(np.median([figure.estimate for figure in drawn])),
                **{
                    name: float(np.mean([holds is truth and p < alpha for holds, p in judged]))
                    for name, alpha in (("alone", ALPHA), ("strictest", ALPHA / len(TESTED)))
                },
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    with paths.atomic_write(FILE) as temporary:
        power().to_csv(temporary, index=False, float_format="%.4g", lineterminator="\n")
