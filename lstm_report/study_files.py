"""Read a study that a user describes in a TOML or JSON file; every flaw is told in one sentence."""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lstm_report import config as configuration
from lstm_report.errors import UserError

ENDINGS = (".toml", ".json")
ENTRIES = {"question": str, "profile": str, "seeds": int, "data": str, "settings": dict,
           "grid": dict, "cells": list}  # fmt: skip
WORDS = {str: "a text", int: "a whole number", dict: "a table", list: "a list"}


def read(path: Path, taken: Collection[str], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return what a file says of a study, with settings as one table of dotted keys each.

    Args:
        path: a file as `lstm_report.studies.find` describes it.
        taken: names of studies that a file may not have.
        keys: the settings that a study may set, as dotted keys.

    Returns:
        Some of `ENTRIES`, one of `grid` and `cells` among them.

    Raises:
        UserError: when the file cannot be read or does not describe a study.
    """

    def refuse(expected: str) -> UserError:
        return UserError(f"Expected {expected} in {path}: change the file, see the README.")

    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UserError(
            f"Expected a readable study at {path}, but it cannot be read "
            f"({str(error).splitlines()[0]}): check the path and the file."
        ) from error
    if not isinstance(values, dict):
        raise refuse("a table of settings")
    for key, value in values.items():
        if key not in ENTRIES:
            whole = next(iter(_flat({key: value})), key)
            valid = (*ENTRIES, *(f"settings.{name}" for name in keys))
            raise configuration.unknown(f"entry of {path}", whole, valid)
        if not isinstance(value, ENTRIES[key]):
            raise refuse(f"{key} to be {WORDS[ENTRIES[key]]}, got {value!r}")
    if ("grid" in values) == ("cells" in values):
        raise refuse("either cells or a grid")
    if not re.fullmatch(r"\w[\w.-]*", path.stem) or path.stem in taken:
        raise UserError(
            f"Expected a file name of letters, digits, '-' and '_' that is not {path.stem!r}: "
            f"rename {path}."
        )

    def settings(section: str, table: Mapping[str, Any]) -> dict[str, Any]:
        flat = _flat(table)
        for key in flat:
            if key not in keys:
                raise configuration.unknown(f"key in {section} of {path}", key, keys)
        return flat

    found = values | {"settings": settings("settings", values.get("settings", {}))}
    if "grid" in values:
        found["grid"] = settings("grid", values["grid"])
        if not all(isinstance(entries, list) and entries for entries in found["grid"].values()):
            raise refuse("a list of values for each key of the grid")
    else:
        if not all(isinstance(cell, dict) and {*cell} == {"label", "settings"}
                   and isinstance(cell["settings"], dict) for cell in values["cells"]):  # fmt: skip
            raise refuse("cells that have a label and a table of settings each")
        found["cells"] = [
            {**cell, "settings": settings(f"the cell {cell['label']!r}", cell["settings"])}
            for cell in values["cells"]
        ]
    return found


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables, as TOML reads `model.kind = "lstm"`, as one table of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat
