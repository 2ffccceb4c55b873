"""Find the reviews in what people keep them in; every flaw is told in one sentence."""

import math
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from lstm_report.data.table_files import LABEL_COLUMNS, LABELS, TABLES, plain_name, read_table
from lstm_report.errors import UserError

__all__ = ["TABLES", "TEXT_COLUMNS", "Reviews", "read_table"]

TEXT_COLUMNS = ("text", "review", "sentence")
MANY = 8
"""Headings that a message shows at most."""
LARGEST, LARGEST_ARCHIVE = 16 * 2**20, 2 * 2**30
"""Bytes of one review and of all that an archive holds; IMDB has 14 kB and 0.5 GB."""
EMPTY = "is empty"
"""What `flaw_of` says of nothing but white space, and of no value at all."""


@dataclass(frozen=True)
class Reviews:
    """Texts and their labels, 0 for negative and 1 for positive."""

    texts: list[str]
    labels: np.ndarray  # (N,) int64; or the probabilities of 1, where they are not known

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Reviews":
        """Return the reviews of the given row numbers, in that order."""
        return Reviews([self.texts[row] for row in rows], self.labels[rows])


def find_column(
    names: Iterable[str], wanted: Sequence[str], where: str, advice: str = "rename one"
) -> str | None:
    """Return the one heading that is among those wanted, in any case and with blanks around it.

    Args:
        names: the headings of a table.
        wanted: such as `TEXT_COLUMNS`.
        where: the name of the file, for messages.
        advice: what to do when there are several, for messages.

    Returns:
        The heading as it stands; None when there is none.

    Raises:
        UserError: when there are several.
    """
    found = [name for name in names if plain_name(name) in wanted]
    if len(found) > 1:
        raise UserError(
            f"Expected one column of the name {' or '.join(wanted)} in {where}, got "
            f"{' and '.join(repr(str(name)[:40]) for name in found)}: {advice}."
        )
    return found[0] if found else None


def listed(names: Iterable[str]) -> str:
    """Return headings for a message, which may be many, long or no text at all."""
    starts = [str(name)[:40] for name in names]
    shown = [start if start.isprintable() else repr(start)[:40] for start in starts]
    more = f" and {len(shown) - MANY:,} more" if len(shown) > MANY else ""
    return ", ".join(shown[:MANY]) + more if shown else "none"


def flaw_of(text: object) -> str | None:
    """Return why something is no text to be read, such as `is empty`; None for a good text."""
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return EMPTY
    if not isinstance(text, str):
        return f"holds {str(text)[:40]!r}"
    if not text.strip():
        return EMPTY
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return None


def reviews_of(table: pd.DataFrame, where: str) -> Reviews:
    """Return the reviews in a table's column of texts and column of labels.

    Args:
        table: with a column named as in `TEXT_COLUMNS` and one as in `LABEL_COLUMNS`, in any case.
        where: the name of the file, for messages.

    Raises:
        UserError: without these columns or rows, for an empty text or a label that is not binary.
    """
    found = [find_column(table.columns, wanted, where) for wanted in (TEXT_COLUMNS, LABEL_COLUMNS)]
    if None in found:
        raise UserError(
            f"Expected {where} to have a column of texts ({', '.join(TEXT_COLUMNS)}) and one of "
            f"labels ({', '.join(LABEL_COLUMNS)}), got {listed(table.columns)}: rename the columns."
        )
    texts, raw = table[found[0]].tolist(), table[found[1]].tolist()
    if not texts:
        raise UserError(f"Expected at least one review in {where}, got no rows: add some.")
    for row, text in enumerate(texts, start=1):
        if flaw := flaw_of(text):
            raise UserError(
                f"Expected a text in every row of {where}, but row {row} {flaw}: "
                "fill it in or remove it."
            )
    labels = []
    for row, value in enumerate(raw, start=1):
        name = str(value).strip().lower().removesuffix(".0")
        if name not in LABELS:
            raise UserError(
                f"Expected binary labels (0/1, neg/pos, negative/positive) in {where}, "
                f"got {repr(value)[:40]} in row {row}: recode or remove it."
            )
        labels.append(LABELS[name])
    return Reviews(texts, np.array(labels, dtype=np.int64))


def hub_files(path: Path, split: str) -> list[Path]:
    """Return the Parquet files of a split in a folder of the hub's layout, in order."""
    found = [*path.glob(f"{split}-*"), *path.glob(f"*/{split}-*")]
    return sorted(file for file in found if file.suffix.lower() == ".parquet")


def read_hub_folder(path: Path) -> Mapping[str, Reviews] | None:
    """Return train and test of a folder in the hub's layout; None for another layout."""
    parts = {}
    for split in ("train", "test"):
        files = hub_files(path, split)
        if not files:
            return None
        table = pd.concat([read_table(file) for file in files], ignore_index=True)
        parts[split] = reviews_of(table, f"{path} ({split})")
    return parts


def reviews_of_files(
    files: Mapping[tuple[str, str], Mapping[str, bytes]], where: str
) -> Mapping[str, Reviews] | None:
    """Return train and test of files by (split, `neg` or `pos`) and name; None when some lack.

    Args:
        files: from `folder_files` or `archive_files`.
        where: the name of the folder or archive, for messages.

    Raises:
        UserError: for a file that is empty or not UTF-8.
    """
    parts = {}
    for split in ("train", "test"):
        texts, labels = [], []
        for label, name in enumerate(("neg", "pos")):
            found = files.get((split, name), {})
            if not found:
                return None
            for file in sorted(found):
                place = f"{split}/{name}/{file} of {where}"
                try:
                    # Bytes, as reading in text mode would rewrite line ends and the checksum.
                    texts.append(found[file].decode("utf-8-sig"))
                except UnicodeDecodeError as error:
                    raise UserError(
                        f"Expected UTF-8 text in {place}, got other bytes: mend the file."
                    ) from error
                if not texts[-1].strip():
                    raise UserError(f"Expected a review in {place}, but it is empty: remove it.")
            labels += [label] * len(found)
        parts[split] = Reviews(texts, np.array(labels, dtype=np.int64))
    return parts


def _too_large(where: object, size: int, largest: int) -> UserError:
    return UserError(
        f"Expected at most {largest:,} bytes in {where}, got {size:,}: this is no review as IMDB "
        "has them, so get the data from their authors, or remove it."
    )


def _of_usual_size(file: Path) -> Path:
    """Return a file that can be read as a review."""
    if (size := file.stat().st_size) > LARGEST:
        raise _too_large(file, size, LARGEST)
    return file


def texts_in(path: Path, split: str, name: str) -> list[Path]:
    """Return the files of texts in a folder of the original `aclImdb` folder."""
    root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
    files = (root / split / name).glob("[!.]*")
    return [file for file in files if file.suffix.lower() == ".txt"]


LABELLED = [(split, name) for split in ("train", "test") for name in ("neg", "pos")]
"""Where the labelled texts stand in the original `aclImdb`: split and folder."""


def folder_files(
    path: Path, places: Sequence[tuple[str, str]] = LABELLED
) -> dict[tuple[str, str], dict[str, bytes]]:
    """Return the texts in some places of the original `aclImdb` folder, by place and name.

    Raises:
        UserError: for a file that is very large or cannot be read.
    """
    try:
        return {
            place: {file.name: _of_usual_size(file).read_bytes() for file in texts_in(path, *place)}
            for place in places
        }
    except OSError as error:
        raise UserError(
            f"Expected to be able to read {error.filename}, but it is refused "
            f"({error.strerror}): change its permissions."
        ) from error


def archive_files(path: Path) -> dict[tuple[str, str], dict[str, bytes]]:
    """Return the texts in the original `.tar.gz` by (split, folder) and name.

    Nothing is extracted to disk.

    Raises:
        UserError: for an archive that is truncated, is none, or has members that are links, point
            outside, or are larger than reviews; of these nothing is read.
    """
    total = 0
    files: dict[tuple[str, str], dict[str, bytes]] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                inside = not name.is_absolute() and ".." not in name.parts
                if not inside or not (member.isreg() or member.isdir()):
                    raise UserError(
                        f"Expected an archive of plain files that stay inside it, but {path} holds "
                        f"{member.name!r}, a link or a path that points outside: get the archive "
                        "from its authors."
                    )
                total += member.size
                if total > LARGEST_ARCHIVE:
                    raise _too_large(f"the archive {path}", total, LARGEST_ARCHIVE)
                inner = name.parts[1:] if name.parts[:1] == ("aclImdb",) else name.parts
                if member.isreg() and len(inner) == 3 and name.suffix.lower() == ".txt":
                    split, label, file = inner
                    if member.size > LARGEST:
                        raise _too_large(f"{member.name} of {path}", member.size, LARGEST)
                    stream = archive.extractfile(member)
                    if stream is not None and not file.startswith("."):
                        files.setdefault((split, label), {})[file] = stream.read()
            # A damaged header ends the loop quietly; reading on to the check sum reveals it.
            while archive.fileobj is not None and archive.fileobj.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"Expected a complete .tar.gz archive at {path}, but it is damaged or of another "
            "kind: download it again."
        ) from error
    return files
