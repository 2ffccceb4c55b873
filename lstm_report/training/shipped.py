"""The pair of trained models that is shipped with the package, and how two runs become it.

A matrix of more than one row is kept as whole numbers of one byte: row k is q_k · s_k, with the
scale s_k = max |w_k| / LEVELS. Other numbers stay float32. Model and vocabulary are files that hold
numbers and words alone, and the page of the report reads the same files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_report import config, paths
from lstm_report.config import MODELS, RunConfig
from lstm_report.errors import UserError
from lstm_report.training import runs

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from lstm_report.data.sources import Source
    from lstm_report.models.classifier import SentimentClassifier

FORMAT = 1
"""Version of the folder's layout."""
ABOUT, VOCABULARY = "about.json", "vocabulary.json"
LEVELS, LEVELS_EMBEDDING = 127, 31
"""The largest whole number of a row. Of the embedding, whose rows are most of a model, it is less:
the numbers then take less room when they are packed, and hardly a judgement changes."""
SCALE = ".scale"
"""What the name of a matrix is followed by in that of its scales."""


@dataclass(frozen=True)
class Shipped:
    """One model of the pair; it judges texts as a run does."""

    directory: Path
    about: dict[str, Any]
    """What is told of the model: see `ship`."""
    config: RunConfig
    words: list[str]
    """The vocabulary, without the tokens of padding and unknown words."""

    @property
    def file(self) -> Path:
        """The file of its numbers, in the form of safetensors."""
        return self.directory / f"{self.config.model.kind}.safetensors"

    def load_tokenizer(self) -> "Tokenizer":
        """Return the tokeniser of the vocabulary."""
        from lstm_report.data.tokens import tokenizer_of

        return tokenizer_of(self.words)

    def load_model(self) -> "SentimentClassifier":
        """Return the classifier, on the CPU, in evaluation mode."""
        from safetensors.torch import load_file

        from lstm_report.data.tokens import SPECIAL
        from lstm_report.models.classifier import SentimentClassifier

        model = SentimentClassifier(len(SPECIAL) + len(self.words), self.config.model)
        model.load_state_dict(restored(load_file(self.file)))
        return model.eval()


def in_words(pair: Mapping[str, Shipped]) -> str:
    """Return in a sentence what the pair is: runs, reviews, accuracy."""
    told = [entry.about for entry in pair.values()]
    reached = " and ".join(f"{about['accuracy']:.2%}" for about in told)
    name, count = told[0]["data"]["name"], told[0]["test_reviews"]
    seeds = " and ".join(dict.fromkeys(str(about["seed"]) for about in told))
    settings = f"profile {told[0]['profile']}" if told[0]["profile"] else "settings of its own"
    return (
        f"Judged by the shipped pair: an LSTM and a residual LSTM trained on {name} ({settings}, "
        f"seed {seeds}), {reached} right of {count:,} test reviews."
    )


def kept_small(weights: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Return weights as they are shipped: each matrix of several rows as bytes and scales."""
    import torch

    made = {}
    for name, weight in weights.items():
        if weight.dim() != 2 or len(weight) == 1:
            made[name] = weight.float().contiguous()
            continue
        levels = LEVELS_EMBEDDING if name.startswith("embedding.") else LEVELS
        scale = weight.float().abs().amax(1) / levels  # (rows,)
        numbers = weight.float() / scale.where(scale > 0, 1).unsqueeze(1)
        made |= {name: numbers.round().to(torch.int8), f"{name}{SCALE}": scale}
    return made


def restored(kept: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Return the weights, float32, of what `kept_small` returned."""
    return {
        name: value.float() * kept[f"{name}{SCALE}"].unsqueeze(1)
        if f"{name}{SCALE}" in kept
        else value
        for name, value in kept.items()
        if not name.endswith(SCALE)
    }


def ship(
    first: runs.Run, second: runs.Run, source: "Source", folder: Path | None = None
) -> dict[str, Shipped]:
    """Write an LSTM and a residual LSTM as the shipped pair, in the place of one that is there.

    Both are judged again, as they are shipped, on all test reviews.

    Args:
        first, second: runs on the same reviews with the same vocabulary, one of each kind, that
            read their last state: one layer, one direction.
        source: the reviews they were trained on.
        folder: where the pair is written; else in the package.

    Returns:
        The pair by kind. `about` of each holds run, profile (`None` for other settings), seed,
        commit, best_epoch, data, test_reviews, recorded_accuracy (of the run), accuracy (as it is
        shipped), changed (test reviews that are judged otherwise) and largest_change (of a
        probability).

    Raises:
        UserError: for runs that are no such pair, and for other reviews.
    """
    from safetensors.torch import save

    from lstm_report.data.tokens import SPECIAL

    pair = {run.config.model.kind: run for run in (first, second)}
    _check(pair, source)
    folder = folder or paths.SHIPPED
    tokens = pair[MODELS[0]].load_tokenizer().get_vocab()
    words = sorted(tokens, key=tokens.__getitem__)[len(SPECIAL) :]
    with paths.atomic_write(folder, directory=True) as temporary:
        paths.write_text(temporary / VOCABULARY, json.dumps(words, ensure_ascii=False, indent=0))
        models = {}
        for kind in MODELS:
            run = pair[kind]
            weights = kept_small(run.load_model().state_dict())
            (temporary / f"{kind}.safetensors").write_bytes(save(weights))
            plain = replace(run.config, data=replace(run.config.data, source="auto"))
            shipped = Shipped(temporary, {}, plain, words)
            models[kind] = _about(run, shipped, source) | {"config": config.to_dict(plain)}
        files = {path.name: runs.digest(path) for path in sorted(temporary.iterdir())}
        runs.write_json(temporary / ABOUT, {"format": FORMAT, "files": files, "models": models})
    return read(folder)


def _check(pair: dict[str, runs.Run], source: "Source") -> None:
    """Raise `UserError` for runs that cannot be shipped together."""
    if {*pair} != {*MODELS}:
        raise UserError(
            f"Expected one run of each of {' and '.join(MODELS)}, got {' and '.join(pair)} alone: "
            "name one of each."
        )
    for run in pair.values():
        model = run.config.model
        if model.num_layers > 1 or model.bidirectional or model.readout != "last":
            raise UserError(
                f"Expected a run of one layer in one direction that reads its last state, got "
                f"{run.directory}: choose another."
            )
        read = run.config.data
        if model.normalised_embedding or model.evidence or read.phrase or read.padded:
            raise UserError(
                f"Expected a run that reads reviews in order by plain word vectors, got "
                f"{run.directory}: choose another."
            )
        if run.provenance["data"].get("checksum") != source.checksum:
            raise UserError(
                f"Expected the reviews of {run.directory}, but {source.name} has another checksum: "
                "name those reviews with --data."
            )
    one, other = pair.values()
    if one.load_tokenizer().get_vocab() != other.load_tokenizer().get_vocab() or (
        replace(one.config.data, source="") != replace(other.config.data, source="")
    ):
        raise UserError(
            f"Expected two runs that read the same words of the same reviews, got {one.directory} "
            f"and {other.directory}: choose runs of one study with the same seed."
        )


def _about(run: runs.Run, shipped: Shipped, source: "Source") -> dict[str, Any]:
    """Return what is told of a model, see `ship`."""
    import torch

    from lstm_report.data.prepared import encode_reviews
    from lstm_report.training.evaluate import evaluate

    split = encode_reviews(source.test, shipped.load_tokenizer(), shipped.config.data)
    found = evaluate(shipped.load_model(), split)
    before = torch.from_numpy(run.predictions["logit"].to_numpy().copy()).double()
    after = torch.from_numpy(found.logits).double()
    return {
        "run": run.directory.name,
        "profile": config.profile_of(run.config),
        "seed": run.config.training.seed,
        "commit": run.provenance.get("commit"),
        "best_epoch": run.best_epoch,
        "data": run.provenance["data"],
        "test_reviews": len(split),
        "recorded_accuracy": run.summary["test_accuracy"],
        "accuracy": found.accuracy,
        "changed": int(((before > 0) != (after > 0)).sum()),
        "largest_change": float((before.sigmoid() - after.sigmoid()).abs().max()),
    }


def read(folder: Path | None = None) -> dict[str, Shipped]:
    """Return the shipped pair by kind, after checking that its files are whole.

    Raises:
        UserError: when it is not there, damaged, or of another version.
    """
    folder = folder or paths.SHIPPED
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError(f"version {told['format']}")
        for name, digest in told["files"].items():
            if runs.digest(folder / name) != digest:
                raise ValueError(f"{name} is not what was shipped")
        words = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        return {
            kind: Shipped(folder, about, config.from_dict(about["config"]), words)
            for kind, about in told["models"].items()
        }
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"Expected the shipped models in {folder}, but they cannot be read ({error}): install "
            "lstm-report again, or write them with `lstm-report ship`."
        ) from error
