"""What a study is: a question, the cells that it compares, and the seeds that each is run with.

It is one of `lstm_report.studies.catalogue`, or read from a file.
"""

import dataclasses
import itertools
import json
import operator
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from lstm_report.config import (
    PROFILES,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainingConfig,
    unknown,
)
from lstm_report.data.memory_tasks import MemorySetting
from lstm_report.errors import UserError, reason

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


def change(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """Return the configuration with other values for the given keys.

    Raises:
        UserError: for a key that no configuration has, or an unusable value.
    """
    changes: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for key, value in settings.items():
        if key not in KEYS:
            raise unknown("key", str(key), KEYS)
        part, _, name = key.partition(".")
        changes[part][name] = value
    parts = {
        part: dataclasses.replace(getattr(config, part), **values)
        for part, values in changes.items()
    }
    return RunConfig(**parts)


def value_of(config: RunConfig, key: str) -> Any:
    """Return the value of a setting by its key, as in `model.num_layers`."""
    return operator.attrgetter(key)(config)


@dataclass(frozen=True)
class Cell:
    """One of the settings that a study compares."""

    label: str
    """Its name in the records."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it sets, by key; see `KEYS`."""


Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Planned(Generic[Setting]):
    """One run of a study, of whatever kind."""

    cell: str
    seed: int
    config: Setting
    condition: str = ""
    """What tells it from others of its cell and seed, such as a task with its length."""

    @property
    def label(self) -> str:
        """What it is called apart from its seed."""
        return f"{self.cell}, {self.condition}" if self.condition else self.cell

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.label}, seed {self.seed}"


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
    """The reviews, see `lstm_report.data.sources.resolve`."""
    excluding: bool = False
    """Whether reviews have to be named that it is trained without; see
    `lstm_report.data.counterfactual`."""
    first_seed: int = 0
    """The number of the first seed."""
    measures: tuple[str, ...] = ()
    """What is measured on each run as soon as it is trained; see `lstm_report.studies.measure`."""

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

    def runs(self) -> list[Planned[RunConfig]]:
        """Return all runs, seed by seed, so that a study cut off is balanced over its cells.

        Raises:
            UserError: for an unknown profile or key, an unusable value, or two equal runs.
        """
        if self.profile not in PROFILES:
            raise unknown("profile", self.profile, tuple(PROFILES))
        base = change(PROFILES[self.profile], self.settings)
        planned: dict[RunConfig, Planned[RunConfig]] = {}
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
                raise unknown("cell", label, known)
        kept = tuple(cell for cell in self.cells if not labels or cell.label in labels)
        return dataclasses.replace(self, cells=kept)

    def altered(self, *, profile: str | None = None, epochs: int | None = None) -> "Study":
        """Return the study of other runs, so with another name, where a value is given."""
        name, settings = self.name, dict(self.settings)
        if profile is not None and profile != self.profile:
            name += f"-{profile}"
        if epochs is not None:
            name += f"-{epochs}-epochs"
            settings["training.epochs"] = epochs
        profile = profile or self.profile
        return dataclasses.replace(self, name=name, profile=profile, settings=settings)


@dataclass(frozen=True)
class MemoryStudy:
    """A named set of runs: every network with every seed."""

    name: str
    """The folder of its records in `results/`."""
    seeds: int
    """How many seeds."""
    networks: tuple[tuple[str, dict[str, Any]], ...]
    """Name of the cell and fields of `MemorySetting` but for the seed, in the order of running."""
    first_seed: int = 0
    """The number of the first seed."""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise UserError(
                f"Expected at least one seed, got {self.seeds}: choose --seeds accordingly."
            )

    @property
    def cells(self) -> tuple[str, ...]:
        """The names of its cells."""
        return tuple(dict.fromkeys(cell for cell, _ in self.networks))

    def runs(self) -> list[Planned[MemorySetting]]:
        """Return all runs: seed by seed, and the short lengths first."""
        return [
            Planned(cell, seed, setting, f"{setting.task} {setting.length}")
            for seed in range(self.first_seed, self.first_seed + self.seeds)
            for cell, settings in self.networks
            for setting in (MemorySetting(seed=seed, **settings),)
        ]

    def only(self, labels: Sequence[str]) -> "MemoryStudy":
        """Return the study with these cells alone, or these networks; with all for no label.

        Raises:
            UserError: for a label that neither has.
        """
        networks = {run.label: place for place, run in enumerate(self.runs()[: len(self.networks)])}
        for label in labels:
            if label not in self.cells and label not in networks:
                raise unknown("cell", label, (*self.cells, f"a network as in {min(networks)!r}"))
        kept = tuple(
            self.networks[place]
            for label, place in networks.items()
            if not labels or label in labels or self.networks[place][0] in labels
        )
        return dataclasses.replace(self, networks=kept)


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


ENDINGS = (".toml", ".json")
ENTRIES = {"question": str, "profile": str, "seeds": int, "data": str, "settings": dict,
           "grid": dict, "cells": list}  # fmt: skip
WORDS = {str: "a text", int: "a whole number", dict: "a table", list: "a list"}


def from_file(path: Path, taken: Collection[str]) -> Study:
    """Return the study that a TOML or JSON file describes.

    A file names `cells` (a list of tables with `label` and `settings`) or `grid` (lists of values
    by key, combined), and may name `question`, `profile`, `seeds`, `data`, and `settings` for all
    cells. Its name without the ending is the study's name.

    Raises:
        UserError: when the file is no such study.
    """
    usual: dict[str, Any] = {"question": "", "profile": "quick", "seeds": 1}
    values = usual | _read(path, taken)
    try:
        study = Study(path.stem, **values)
        study.runs()
    except UserError as error:
        reason = str(error)
        raise UserError(f"In {path}, {reason[0].lower()}{reason[1:]}") from error
    return study


def _read(path: Path, taken: Collection[str]) -> dict[str, Any]:
    """Return what a file says of a study, as the fields of `Study`; see `from_file`."""

    def refuse(expected: str) -> UserError:
        return UserError(f"Expected {expected} in {path}: change the file, see the README.")

    def settings(section: str, table: Mapping[str, Any]) -> dict[str, Any]:
        flat = _flat(table)
        for key in flat:
            if key not in KEYS:
                raise unknown(f"key in {section} of {path}", key, KEYS)
        return flat

    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UserError(
            f"Expected a readable study at {path}, but it cannot be read "
            f"({reason(error)}): check the path and the file."
        ) from error
    if not isinstance(values, dict):
        raise refuse("a table of settings")
    for key, value in values.items():
        if key not in ENTRIES:
            whole = next(iter(_flat({key: value})), key)
            valid = (*ENTRIES, *(f"settings.{name}" for name in KEYS))
            raise unknown(f"entry of {path}", whole, valid)
        if not isinstance(value, ENTRIES[key]):
            raise refuse(f"{key} to be {WORDS[ENTRIES[key]]}, got {value!r}")
    if ("grid" in values) == ("cells" in values):
        raise refuse("either cells or a grid")
    if not re.fullmatch(r"\w[\w.-]*", path.stem) or path.stem in taken:
        raise UserError(
            f"Expected a file name of letters, digits, '-' and '_' that is not {path.stem!r}: "
            f"rename {path}."
        )
    values["settings"] = settings("settings", values.get("settings", {}))
    if "grid" in values:
        grid = settings("grid", values.pop("grid"))
        if not all(isinstance(entries, list) and entries for entries in grid.values()):
            raise refuse("a list of values for each key of the grid")
        return values | {"cells": product(grid)}
    cells = values["cells"]
    if not all(isinstance(cell, dict) and {*cell} == {"label", "settings"}
               and isinstance(cell["settings"], dict) for cell in cells):  # fmt: skip
        raise refuse("cells that have a label and a table of settings each")
    return values | {
        "cells": tuple(
            Cell(cell["label"], settings(f"the cell {cell['label']!r}", cell["settings"]))
            for cell in cells
        )
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables, as TOML reads `model.kind = "lstm"`, as one table of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat
