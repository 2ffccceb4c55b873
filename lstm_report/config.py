"""What a run is made of: frozen configurations, the named profiles and a stable run id."""

import dataclasses
import difflib
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

from lstm_report.errors import UserError

MODELS = ("lstm", "reslstm")
"""The two that the report compares."""
KINDS = (*MODELS, "rnn", "skiplstm", "gatedlstm")
"""Every recurrent layer, with those of the studies; see `lstm_report.models.classifier.LAYERS`."""
GATES = ("i", "f", "g", "o")
"""The order of the gates in every stacked weight: input, forget, candidate, output."""
PAD, UNK = 0, 1
"""The numbers of the token that fills a batch, and of every token without one of its own."""
READOUTS = ("last", "mean", "max", "mean and max")
LOSSES = ("bce", "smoothed", "hinge")
"""What training may minimise; see `lstm_report.training.losses.OBJECTIVES`."""
SCHEDULES = ("constant", "linear")
"""How the step size changes; see `lstm_report.training.steps`."""
VECTORS = ("none", "in-domain")
"""Where the word vectors start from; see `lstm_report.data.unlabelled`."""
LATER = {"added later": True}
"""Metadata of a field that came after runs had been recorded.

With its default it says what those runs did without it: it then does not count in `run_id`, and a
configuration that lacks it has the default.
"""
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "readout": READOUTS,
    "loss": LOSSES,
    "schedule": SCHEDULES,
    "vectors": VECTORS,
    "keep": ("head", "tail"),
    "optimiser": ("adam", "adamw"),
    "device": ("auto", "cpu", "cuda", "mps"),
    "precision": ("auto", "float32", "bfloat16"),
}
DROPOUTS = {"dropout", "word_dropout", "embedding_dropout", "evidence_dropout"}
AT_LEAST_ZERO = {
    *("epochs", "seed", "split_seed", "weight_decay", "adversarial", "phrase", "evidence"),
    *("average", "self_training"),
    *DROPOUTS,
}
BELOW_ONE = {"validation_fraction", "average", *DROPOUTS}


def _check(configuration: Any) -> None:
    """Raise `UserError` for the first field whose type or value cannot be used."""
    for name, hint in get_type_hints(type(configuration)).items():
        value, allowed = getattr(configuration, name), get_args(hint) or (hint,)
        if value is None and type(None) in allowed:
            continue
        kind = next(entry for entry in allowed if entry is not type(None))
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            object.__setattr__(configuration, name, value := float(value))
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            word = {int: "a whole number", float: "a number", str: "a text"}.get(
                kind, "true or false"
            )
            raise UserError(f"Expected {name} to be {word}, got {value!r}: change it to {word}.")
        if name in CHOICES and value not in CHOICES[name]:
            raise unknown(name, str(value), CHOICES[name])
        if isinstance(value, str | bool):
            continue
        low = "at least 0" if name in AT_LEAST_ZERO else "more than 0"
        high = " and less than 1" if name in BELOW_ONE else ""
        in_range = value >= 0 if name in AT_LEAST_ZERO else value > 0
        if not (in_range and (value < 1 if high else value != float("inf"))):
            raise UserError(f"Expected {name} to be {low}{high}, got {value}: choose such a value.")


def unknown(what: str, value: str, valid: tuple[str, ...]) -> UserError:
    """Return the error for a name that is none of the `valid` ones; it tells the nearest."""
    by_name = {entry.rpartition(".")[2]: entry for entry in valid}  # whatever its section
    name = value.lower().replace("-", "_").rpartition(".")[2]
    near = [*map(by_name.get, difflib.get_close_matches(name, by_name, 1))]
    near += difflib.get_close_matches(value, valid, 1)
    start = f"{near[0]!r}, which is nearest, or another" if near else "one"
    return UserError(f"Unknown {what} {value!r}: expected {start} of {', '.join(valid)}.")


@dataclass(frozen=True)
class DataConfig:
    """Which reviews are used and how a review becomes a sequence of token numbers."""

    source: str = "auto"
    """A path, or `auto`; see `lstm_report.data.sources.resolve`."""
    max_length: int = 256
    """Tokens kept of a longer review."""
    keep: str = "tail"
    """Which end of a longer review is kept: `head` or `tail`."""
    vocabulary_size: int = 20_000
    """Most frequent tokens of the training part that get a number of their own."""
    min_frequency: int = 2
    """Times a token must stand in the training part to enter the vocabulary."""
    validation_fraction: float = 0.1
    """Part of the official training reviews that is set aside for model selection."""
    train_limit: int | None = None
    """Reviews trained on, drawn by `split_seed`; `None` means all."""
    split_seed: int = 0
    """Seed of the validation split and of the draw of `train_limit`."""
    phrase: int = field(default=0, metadata=LATER)
    """Words that stay together while the order of a review is shuffled; 0 keeps the order."""
    padded: bool = field(default=False, metadata=LATER)
    """Whether a shorter review is filled up with padding at its end, which is read like words."""

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class ModelConfig:
    """The classifier: embedding, recurrent layers, read-out, dropout, one logit."""

    kind: str = "lstm"
    """The recurrent layer, one of `KINDS`."""
    embedding_size: int = 128
    """E, the length of a word vector."""
    hidden_size: int = 256
    """H, the length of the hidden state and of the cell state."""
    num_layers: int = 1
    """Recurrent layers stacked on each other."""
    readout: str = "last"
    """What the classifier reads: the state of the last real token, or mean or max of all, or both.
    """
    dropout: float = 0.7
    """Probability with which an element of the read-out is dropped in training."""
    bidirectional: bool = field(default=False, metadata=LATER)
    """Whether a second stack of layers reads the review from its end; both are read out."""
    word_dropout: float = field(default=0.0, metadata=LATER)
    """Probability with which a token is taken for an unknown one in training."""
    embedding_dropout: float = field(default=0.0, metadata=LATER)
    """Probability with which a coordinate of a review's word vectors is dropped in training."""
    normalised_embedding: bool = field(default=False, metadata=LATER)
    """Whether each coordinate of the word vectors is brought to mean 0 and variance 1."""
    evidence: int = field(default=0, metadata=LATER)
    """Words of the longest n-gram whose evidence is added to the word vectors; 0 for none."""
    evidence_dropout: float = field(default=0.0, metadata=LATER)
    """Probability with which the evidence of an n-gram is dropped in training."""

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class TrainingConfig:
    """How the weights are found."""

    epochs: int = 3
    """Passes over the training part; 0 evaluates the initial weights."""
    batch_size: int = 64
    """Reviews in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of the optimiser."""
    optimiser: str = "adam"
    """`adam` (Kingma and Ba 2015) or `adamw` (Loshchilov and Hutter 2019)."""
    weight_decay: float = 0.0
    """Weight decay of the optimiser, per step and unit of learning rate."""
    clip_norm: float = 1.0
    """Largest norm of the whole gradient; a longer one is scaled down to it."""
    seed: int = 0
    """Seed of the initial weights, the dropout and the order of the batches."""
    device: str = "auto"
    """Where to compute; `auto` takes CUDA, then MPS, then the CPU."""
    precision: str = "auto"
    """Of the matrix products in training; `auto` takes bfloat16 where the hardware has it."""
    loss: str = field(default="bce", metadata=LATER)
    """What is minimised: `bce`, `smoothed` or `hinge`. Validation and test state the first."""
    schedule: str = field(default="constant", metadata=LATER)
    """How the step size changes: not at all, or up in the first tenth and then down to 0."""
    adversarial: float = field(default=0.0, metadata=LATER)
    """ε, the length by which the word vectors of a review are moved towards a greater loss, which
    is then minimised too; 0 for none. It needs `normalised_embedding`."""
    vectors: str = field(default="none", metadata=LATER)
    """What the word vectors start from: `none` draws them, `in-domain` learns them beforehand."""
    average: float = field(default=0.0, metadata=LATER)
    """Decay of the running average of the weights, which is what is judged by; 0 for none."""
    self_training: int = field(default=0, metadata=LATER)
    """Times that the unlabelled reviews, labelled by a model trained before, join the training;
    see `lstm_report.training.self_training`."""

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class RunConfig:
    """One model trained once."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        # Else longer word vectors would make any perturbation as small as one likes.
        if self.training.adversarial and not self.model.normalised_embedding:
            raise UserError(
                f"Expected a normalised embedding with adversarial training, got adversarial = "
                f"{self.training.adversarial:g} without: set normalised_embedding to true."
            )

    @property
    def reads_unlabelled(self) -> bool:
        """Whether reviews without a label play a part."""
        return self.training.vectors != "none" or self.training.self_training > 0


PROFILES: dict[str, RunConfig] = {
    "smoke": RunConfig(
        DataConfig(max_length=48, vocabulary_size=2_000, train_limit=400),
        ModelConfig(embedding_size=16, hidden_size=24, dropout=0.3),
        TrainingConfig(epochs=2, batch_size=32, learning_rate=5e-3),
    ),
    "quick": RunConfig(
        DataConfig(max_length=100, train_limit=12_000),
        ModelConfig(),
        TrainingConfig(epochs=3, batch_size=32, learning_rate=2e-3),
    ),
    "source": RunConfig(DataConfig(), ModelConfig(), TrainingConfig(epochs=15)),
}


def profile(
    name: str,
    *,
    model: str = "lstm",
    data: str = "auto",
    seed: int | None = None,
    epochs: int | None = None,
    layers: int | None = None,
    readout: str | None = None,
) -> RunConfig:
    """Return the configuration of a named profile, with the given settings in its place.

    Args:
        name: `smoke` (seconds), `quick` (minutes) or `source` (the setting of the source report).
        model: the recurrent layer, one of `KINDS`.
        data: the data source, see `lstm_report.data.sources.resolve`.
        seed, epochs, layers, readout: replace the profile's own value when given.

    Raises:
        UserError: for an unknown profile or a value that cannot be used.
    """
    if name not in PROFILES:
        raise unknown("profile", str(name), tuple(PROFILES))
    if model not in KINDS:
        raise unknown("model", str(model), KINDS)
    base = PROFILES[name]

    def given(**values: Any) -> dict[str, Any]:
        return {key: value for key, value in values.items() if value is not None}

    return RunConfig(
        dataclasses.replace(base.data, source=data),
        dataclasses.replace(base.model, kind=model, **given(num_layers=layers, readout=readout)),
        dataclasses.replace(base.training, **given(seed=seed, epochs=epochs)),
    )


def profile_of(config: RunConfig) -> str | None:
    """Return the name of the profile whose settings these are, whatever reviews and seeds."""
    for name in PROFILES:
        made = profile(
            name, model=config.model.kind, data=config.data.source, seed=config.training.seed
        )
        data = dataclasses.replace(made.data, split_seed=config.data.split_seed)
        if dataclasses.replace(made, data=data) == config:
            return name
    return None


def to_dict(config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return the configuration as nested dictionaries of plain values."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, dict[str, Any]]) -> RunConfig:
    """Return the configuration that `to_dict` wrote.

    Raises:
        UserError: for a key that no configuration has, a missing key or an unusable value.
    """
    parts = {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig}
    if not isinstance(values, dict) or set(values) != set(parts):
        got = ", ".join(map(str, values)) or "none" if isinstance(values, dict) else repr(values)
        raise UserError(f"Expected a configuration with data, model and training, got {got}.")
    made = {}
    for name, kind in parts.items():
        expected = {entry.name for entry in dataclasses.fields(kind)}
        entries = values[name]
        if not isinstance(entries, dict) or (wrong := expected ^ {*entries, *later(kind)}):
            key = min(wrong) if isinstance(entries, dict) else "a table of settings"
            raise UserError(
                f"The {name} configuration has an unknown or missing key {key!r}: "
                f"expected {', '.join(sorted(expected))}."
            )
        made[name] = kind(**entries)
    return RunConfig(**made)


def later(kind: type[Any]) -> dict[str, Any]:
    """Return the fields of a configuration that were added later, see `LATER`, with defaults."""
    return {
        entry.name: entry.default
        for entry in dataclasses.fields(kind)
        if entry.metadata.get("added later")
    }


def run_id(config: RunConfig, checksum: str) -> str:
    """Return the name of the run: its model, seed and a digest of everything that shapes it.

    Args:
        config: the configuration; the *name* of the data source does not count.
        checksum: the checksum of the reviews themselves, see `lstm_report.data.sources.Source`.
    """
    values = to_dict(config)
    del values["data"]["source"]
    for part, entries in values.items():
        for name, default in later(type(getattr(config, part))).items():
            if entries[name] == default:
                del entries[name]
    text = json.dumps([values, checksum], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{config.model.kind}-seed{config.training.seed}-{digest}"
