"""What a study is: a question, the cells that it compares, and the seeds that each is run with."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_report import config as configuration
from lstm_report import registered_studies as round2
from lstm_report import strong_settings, study_files
from lstm_report.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from lstm_report.errors import UserError

PARTS = {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig}
KEYS = tuple(
    f"{part}.{entry.name}"
    for part, kind in PARTS.items()
    for entry in dataclasses.fields(kind)
    if (part, entry.name) != ("data", "source")
)
"""What a grid may set. The reviews are the same for the whole study and chosen with `--data`."""
SEED_KEYS = ("training.seed", "data.split_seed")
"""What the number of a seed sets: initial weights, dropout, order of batches, validation split."""
OTHERS = ("memory", round2.MEMORY)
"""Studies whose runs are no classifiers of reviews; see `lstm_report.memory_study`."""


def change(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """Return the configuration with other values for the given keys.

    Args:
        config: where the other values come from.
        settings: values by key, as in `{"model.num_layers": 2}`; see `KEYS`.

    Raises:
        UserError: for a key that no configuration has, or an unusable value.
    """
    for key in settings:
        if key not in KEYS:
            raise configuration.unknown("key", str(key), KEYS)
    parts = {}
    for part in PARTS:
        values = {key.partition(".")[2]: settings[key] for key in KEYS if key in settings
                  and key.startswith(f"{part}.")}  # fmt: skip
        parts[part] = dataclasses.replace(getattr(config, part), **values)
    return RunConfig(**parts)


@dataclass(frozen=True)
class Cell:
    """One of the settings that a study compares."""

    label: str
    """Its name in the records."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it sets, by key; see `KEYS`."""


@dataclass(frozen=True)
class Planned:
    """One run of a study."""

    cell: str
    seed: int
    config: RunConfig


@dataclass(frozen=True)
class Study:
    """A named set of runs: every cell with every seed."""

    name: str
    """The folder of its records in `results/`."""
    question: str
    """What it is to find out, in one sentence."""
    profile: str
    """The named profile that every cell starts from."""
    cells: tuple[Cell, ...]
    seeds: int
    """How many seeds."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What all cells set, by key."""
    data: str = "auto"
    """The reviews, see `lstm_report.sources.resolve`."""
    excluding: bool = False
    """Whether reviews have to be named that it is trained without; see `lstm_report.edits`."""
    first_seed: int = 0
    """The number of the first seed."""
    measures: tuple[str, ...] = ()
    """What is measured on each run as soon as it is trained; see `lstm_report.after_training`."""

    def __post_init__(self) -> None:
        if not isinstance(self.seeds, int) or isinstance(self.seeds, bool) or self.seeds < 1:
            raise UserError(
                f"Expected a study of at least one seed, got {self.seeds!r}: give a whole number."
            )
        labels = [cell.label for cell in self.cells]
        if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
            raise UserError(f"Expected cells that have a label each, got {labels}: name each cell.")
        if twice := {label for label in labels if labels.count(label) > 1}:
            raise UserError(f"Expected labels that differ, got {min(twice)!r} twice: rename one.")

    def runs(self) -> list[Planned]:
        """Return all runs, seed by seed, so that a study cut off is balanced over its cells.

        Raises:
            UserError: for an unknown profile or key, an unusable value, or two equal runs.
        """
        if self.profile not in configuration.PROFILES:
            raise configuration.unknown("profile", self.profile, tuple(configuration.PROFILES))
        base = change(configuration.PROFILES[self.profile], self.settings)
        planned: dict[RunConfig, Planned] = {}
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            seeded = change(base, dict.fromkeys(SEED_KEYS, seed))
            for cell in self.cells:
                run = Planned(cell.label, seed, change(seeded, cell.settings))
                if (other := planned.setdefault(run.config, run)) is not run:
                    raise UserError(
                        f"Expected runs that differ, but {cell.label!r} with seed {seed} is the "
                        f"same as {other.cell!r} with seed {other.seed}: remove one of them."
                    )
        return list(planned.values())

    def only(self, labels: Sequence[str]) -> "Study":
        """Return the study with the cells of these labels alone; with all for no label.

        Raises:
            UserError: for a label that no cell has.
        """
        known = tuple(cell.label for cell in self.cells)
        for label in labels:
            if label not in known:
                raise configuration.unknown("cell", label, known)
        kept = tuple(cell for cell in self.cells if not labels or cell.label in labels)
        return dataclasses.replace(self, cells=kept)

    def altered(
        self, *, profile: str | None = None, epochs: int | None = None, seeds: int | None = None
    ) -> "Study":
        """Return the study with other values where they are given.

        Another profile or other epochs are other runs, so the name says so; more seeds are not.
        """
        name, settings = self.name, dict(self.settings)
        if profile is not None and profile != self.profile:
            name += f"-{profile}"
        if epochs is not None:
            name += f"-{epochs}-epochs"
            settings["training.epochs"] = epochs
        return dataclasses.replace(
            self,
            name=name,
            profile=profile or self.profile,
            settings=settings,
            seeds=self.seeds if seeds is None else seeds,
        )


def product(grid: Mapping[str, Sequence[Any]]) -> tuple[Cell, ...]:
    """Return a cell for every combination of the values, labelled by the values that vary.

    Args:
        grid: the values to try, by key; see `KEYS`. The last key varies fastest.
    """
    varied = [key for key, values in grid.items() if len(values) > 1]
    combinations = (
        dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
    )
    return tuple(
        Cell(" ".join(_word(key, settings[key]) for key in varied) or "all", settings)
        for settings in combinations
    )


def _word(key: str, value: Any) -> str:
    """Return a value as part of a label: a text alone, a number with the name of its key."""
    return value if isinstance(value, str) else f"{key.partition('.')[2]}={value}"


STUDIES = {
    study.name: study
    for study in (
        Study(
            name="smoke",
            question="Does a study run on this machine, or on this cluster?",
            profile="smoke",
            cells=product({"model.kind": ("lstm", "reslstm")}),
            seeds=2,
            data="built-in",
        ),
        Study(
            name="headline",
            question="Does the residual LSTM judge unseen reviews better than the LSTM?",
            profile="source",
            cells=(
                Cell("lstm", {"model.kind": "lstm"}),
                Cell("reslstm", {"model.kind": "reslstm"}),
                # As many parameters as the residual LSTM, W_res included, to one in a thousand.
                Cell("lstm matched", {"model.kind": "lstm", "model.hidden_size": 268}),
                # The residual leaves the layer, but its gates do not read it.
                Cell("skiplstm", {"model.kind": "skiplstm"}),
            ),
            seeds=10,
            settings={"model.readout": "last"},
        ),
        Study(
            name="readout",
            question="Does the difference of the two models depend on the state that is read out?",
            profile="source",
            cells=tuple(
                Cell(f"{kind} {how}", {"model.kind": kind, "model.readout": how})
                for how in ("mean", "max")
                for kind in ("lstm", "reslstm")
            ),
            seeds=5,
            # With these read-outs a single look found the best epoch to be the third or fourth.
            settings={"training.epochs": 8},
        ),
        Study(
            name="loss",
            question="What does the loss that is minimised do to accuracy and calibration?",
            profile="quick",
            cells=tuple(Cell(loss, {"training.loss": loss}) for loss in configuration.LOSSES),
            seeds=5,
            settings={"model.kind": "lstm", "model.readout": "last"},
        ),
        Study(
            name="locality",
            question="Do the two models follow a review whose meaning a person has turned?",
            profile="quick",
            cells=product({"model.kind": ("lstm", "reslstm")}),
            seeds=5,
            settings={"training.epochs": 3},
            excluding=True,
        ),
        Study(
            name="depth",
            question="Does the residual form help as layers are added?",
            profile="quick",
            cells=tuple(
                Cell(f"{kind} x{layers}", {"model.kind": kind, "model.num_layers": layers})
                for layers in (1, 2, 4, 6, 8)
                for kind in ("lstm", "reslstm", "skiplstm", "gatedlstm")
            ),
            seeds=5,
            # Small, so that eight layers can be had too; I = H, so that F(x) = x in every layer.
            # Little dropout, so that the loss in training shows what was learnt.
            measures=("depth, all layers",),
            settings={
                "model.embedding_size": 64,
                "model.hidden_size": 64,
                "model.dropout": 0.2,
                "training.batch_size": 64,
                "training.epochs": 5,
            },
        ),
        Study(
            "tuning",
            "Which settings of one recurrent layer does validation prefer?",
            "source",
            tuple(Cell(*entry) for entry in strong_settings.tuning_cells().items()),
            seeds=1,
            settings=strong_settings.SETTINGS,
        ),
        Study(
            "strong",
            "How far does one recurrent layer go without outside data?",
            "source",
            tuple(Cell(*entry) for entry in strong_settings.cells().items()),
            seeds=3,
            settings=strong_settings.SETTINGS,
        ),
        *(
            Study(
                name,
                *(values["question"], values["profile"]),
                tuple(Cell(*entry) for entry in values["cells"].items()),
                seeds=values["seeds"],
                settings=values["settings"],
                first_seed=round2.FIRST_SEED,
                measures=values["measures"],
            )
            for name, values in round2.STUDIES.items()
        ),
    )
}


def find(name: str) -> Study:
    """Return the study of that name, or the one that a TOML or JSON file describes.

    A file names `cells` (a list of tables with `label` and `settings`) or `grid` (lists of values
    by key, combined), and may name `question`, `profile`, `seeds`, `data`, and `settings` for all
    cells. Its name without the ending is the study's name.

    Raises:
        UserError: when there is no such study, or the file is not one.
    """
    if name in STUDIES:
        return STUDIES[name]
    path = Path(name)
    if path.suffix not in study_files.ENDINGS:
        raise configuration.unknown("study", name, (*STUDIES, *OTHERS, "a .toml or .json file"))
    values = study_files.read(path, (*STUDIES, *OTHERS), KEYS)
    named = tuple(Cell(cell["label"], cell["settings"]) for cell in values.get("cells", ()))
    try:
        study = Study(
            path.stem,
            values.get("question", ""),
            values.get("profile", "quick"),
            product(values["grid"]) if "grid" in values else named,
            values.get("seeds", 1),
            values["settings"],
            values.get("data", "auto"),
        )
        study.runs()
    except UserError as error:
        reason = str(error)
        raise UserError(f"In {path}, {reason[0].lower()}{reason[1:]}") from error
    return study
