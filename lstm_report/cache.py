"""Folders of arrays and texts that can be made again, and are, when they are not as written."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lstm_report import paths

SEAL = "checksums.json"
"""The SHA-256 of every other file of a folder, by its name."""


def write(folder: Path, arrays: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> None:
    """Write a folder in one step, in the place of one that is there.

    Args:
        folder: where.
        arrays, texts: what, by name.

    Raises:
        UserError: when the disk is full or the place cannot be written.
    """
    with paths.atomic_write(folder, directory=True) as temporary:
        for name, values in arrays.items():
            np.save(temporary / f"{name}.npy", values)
        for name, text in texts.items():
            (temporary / f"{name}.txt").write_text(text, encoding="utf-8")
        seal = {file.name: _digest(file) for file in sorted(temporary.iterdir())}
        (temporary / SEAL).write_text(json.dumps(seal), encoding="utf-8")


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, str]] | None:
    """Return the arrays and texts of a folder; `None` when it is missing, or not as written."""
    try:
        seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        if seal != {name: _digest(folder / name) for name in seal}:
            return None
        arrays = {
            Path(name).stem: np.load(folder / name, allow_pickle=False)
            for name in seal
            if name.endswith(".npy")
        }
        texts = {
            Path(name).stem: (folder / name).read_text(encoding="utf-8")
            for name in seal
            if name.endswith(".txt")
        }
    except (OSError, ValueError, TypeError, AttributeError):  # missing, truncated or another form
        return None
    return arrays, texts


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
