"""Writing: all or nothing, and one sentence when the disk is full or the place is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import SafetensorError
from tokenizers import Tokenizer, models

from lstm_report.errors import UserError
from lstm_report.paths import atomic_write

FULL = Path("/dev/full")
"""A device of Linux that refuses every write as a full disk does."""
FRAME = pd.DataFrame({"number": np.arange(100_000)})


def raise_of_safetensors():
    """Raise what the library was seen to raise; it replaces the device instead of writing to it."""
    raise SafetensorError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: path.write_text("text"), id="text"),
        pytest.param(lambda path: FRAME.to_csv(path), id="csv"),
        pytest.param(lambda path: FRAME.to_parquet(path), id="parquet"),
        pytest.param(lambda path: np.save(path, np.zeros(100_000)), id="numpy"),
        pytest.param(lambda path: raise_of_safetensors(), id="safetensors"),
        pytest.param(lambda path: Tokenizer(models.WordLevel()).save(str(path)), id="tokenizers"),
    ],
)
def test_a_full_disk_is_told_and_nothing_is_left(write, tmp_path):
    target = tmp_path / "made.npy"
    target.write_text("before")
    with pytest.raises(UserError, match="disk is full"), atomic_write(target) as temporary:
        temporary.symlink_to(FULL)
        write(temporary)
    assert [path.name for path in tmp_path.iterdir()] == ["made.npy"]
    assert target.read_text() == "before"


def test_a_place_that_refuses_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(UserError, match="refused"),
        atomic_write(tmp_path / "file" / "made") as temporary,
    ):
        temporary.write_text("new")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place that has no room")
def test_a_place_where_no_folder_can_be_made_is_told():
    with pytest.raises(UserError, match="refused"), atomic_write(Path("/proc/folder/made")):
        raise AssertionError("nothing could be written here")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("requested and refused")])
def test_another_error_passes_and_nothing_is_left(error, tmp_path):
    with (
        pytest.raises(type(error) if isinstance(error, Exception) else error),
        atomic_write(tmp_path / "made", directory=True) as temporary,
    ):
        (temporary / "part").write_text("half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_replaces_the_one_before_as_a_whole(tmp_path):
    for name in ("one", "two"):
        with atomic_write(tmp_path / "made", directory=True) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
