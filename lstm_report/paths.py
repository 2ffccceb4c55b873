"""Where things are, and how files are written so that none is ever left half-written."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lstm_report.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RUNS = ROOT / "runs"
RESULTS = ROOT / "results"
BUILD = ROOT / "build"
CACHE = ROOT / ".cache"

REFUSED = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
FULL = re.compile(r"No space left on device|\d+ requested and \d+ written")
"""How tokenizers and safetensors, and NumPy, say that a disk is full; none passes the number on."""


@contextmanager
def atomic_write(target: Path, *, directory: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `target` that replaces `target` only on success.

    Args:
        target: the file or folder to be written; its parent is made when missing.
        directory: whether the temporary path is a folder (made here) or a file.

    Yields:
        The temporary path. On any exception, Ctrl-C included, it is removed and `target` stays
        as it was.

    Raises:
        UserError: when the disk is full or the place cannot be written.
    """
    target = Path(target)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        holder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        temporary = holder / target.name
        if directory:
            temporary.mkdir()
        yield temporary
        if directory and target.is_dir():
            os.replace(target, holder / "replaced")
        os.replace(temporary, target)
    except Exception as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or FULL.search(str(error)):
            raise UserError(
                f"Expected room to write {target}, but the disk is full: free some space and "
                "run the same command again."
            ) from error
        if number in REFUSED or (number == errno.ENOENT and temporary is None):
            raise UserError(
                f"Expected to be able to write {target}, but it is refused "
                f"({os.strerror(number)}): choose another place or change its permissions."
            ) from error
        raise
    finally:
        if temporary is not None:
            shutil.rmtree(temporary.parent, ignore_errors=True)
