"""Where things are, files that are written whole or not at all, and what is kept to be made again.

A cache is a folder of arrays and texts with a digest of what it holds; it is made again where that
differs.
"""

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lstm_report.errors import UserError

if TYPE_CHECKING:
    import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
"""Where the package stands; a repository, unless it was installed as a wheel."""
NOTEBOOKS = REPOSITORY / "notebooks"
SHIPPED = Path(__file__).resolve().parent / "shipped"
"""Where the package keeps its two trained models; see `lstm_report.training.shipped`."""
HOME = "LSTM_REPORT_HOME"
"""The variable that names the folder of runs, records and caches."""


def home() -> Path:
    """Return the folder of runs, records and caches.

    It is the one that the variable `HOME` names, else the repository, and for an installed package
    the working folder.
    """
    if named := os.environ.get(HOME):
        return Path(named).expanduser().resolve()
    return REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else Path.cwd()


ROOT = home()
RUNS, RESULTS = ROOT / "runs", ROOT / "results"
BUILD, CACHE = ROOT / "build", ROOT / ".cache"


def settle(folder: Path) -> None:
    """Put runs, records and caches into a folder, in this process and in those that it starts."""
    global ROOT, RUNS, RESULTS, BUILD, CACHE
    os.environ[HOME] = str(folder.expanduser().resolve())
    ROOT = home()
    RUNS, RESULTS = ROOT / "runs", ROOT / "results"
    BUILD, CACHE = ROOT / "build", ROOT / ".cache"


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
        _sweep(target.parent, f".{target.name}.")
        prefix = f".{target.name}.{os.getpid()}-"
        holder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
        temporary = holder / target.name
        if directory:
            temporary.mkdir()
        yield temporary
        if directory:
            _put(temporary, target)
        else:
            os.replace(temporary, target)
    except Exception as error:
        if refused := _refusal(target, error, missing=temporary is None):
            raise refused from error
        raise
    finally:
        if temporary is not None:
            shutil.rmtree(temporary.parent, ignore_errors=True)


def write_text(target: Path, text: str) -> None:
    """Write a text as UTF-8 to a file in one step, see `atomic_write`."""
    with atomic_write(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _put(folder: Path, target: Path) -> None:
    """Move a folder to `target`, in the place of one that is there or that another puts there."""
    while True:
        if target.is_dir():
            with suppress(FileNotFoundError):  # another process has just moved it away
                os.replace(target, Path(tempfile.mkdtemp(dir=folder.parent)) / target.name)
        try:
            os.replace(folder, target)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not target.is_dir():
                raise


SCRATCH = "lstm-report-"
"""How the names of folders begin that nobody is to keep."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for files that nobody is to keep, where the system has them; then remove it.

    Raises:
        UserError: when there is no room or no such place.
    """
    folder: Path | None = None
    try:
        _sweep(Path(tempfile.gettempdir()), SCRATCH)
        prefix = f"{SCRATCH}{os.getpid()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            yield folder
    except OSError as error:
        if _refusal(folder or Path(), error, missing=folder is None):
            place = folder.parent if folder else tempfile.tempdir or "the system's folder"
            raise UserError(
                f"Expected room for temporary files in {place}, but they cannot be written "
                f"({os.strerror(error.errno or 0)}): free some, or name another folder with the "
                "variable TMPDIR."
            ) from error
        raise


def _sweep(place: Path, start: str) -> None:
    """Remove the folders whose names are a start, the number of a process that is gone, and -…"""
    for folder in place.glob(f"{glob.escape(start)}*-*"):
        import psutil  # rarely needed, and what reads paths is to start quickly

        number = folder.name.removeprefix(start).partition("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep others from the files of `folder` until the block, which replaces one of them, ends.

    Without it, of two commands that add to one table at the same time, the one that writes last
    drops what the other has added since it read. A file `.lock` stays behind in the folder; that a
    process was killed while it held it hinders nobody.

    Args:
        folder: where the file is; it is made when missing. Every writer has to ask for it.

    Raises:
        UserError: when the disk is full or the place cannot be written.
    """
    lock = FileLock(Path(folder) / ".lock")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        if refused := _refusal(Path(folder), error, missing=True):
            raise refused from error
        raise
    try:
        yield
    finally:
        lock.release()


@contextmanager
def alone(lock: Path, doing: str, *, wait: bool) -> Iterator[None]:
    """Keep other processes from doing the same until the block ends.

    That a process was killed while it held the lock hinders nobody.

    Args:
        lock: the file that stands for what is done; its parent is made when missing.
        doing: what is done, as in `building in build`.
        wait: whether to wait for another process that is at it, or to refuse.

    Raises:
        UserError: when another process is at it and `wait` is false, or the place cannot be
            written.
    """
    owner = lock.with_suffix(".owner")
    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=0)
        except Timeout:
            if not wait:
                who = owner.read_text(encoding="utf-8") if owner.is_file() else "another process"
                raise UserError(
                    f"Expected to be alone in {doing}, but {who} is at it: wait until it has "
                    "ended, or end it."
                ) from None
            held.acquire()
        owner.write_text(f"process {os.getpid()}", encoding="utf-8")
    except OSError as error:
        if refused := _refusal(lock, error, missing=True):
            raise refused from error
        raise
    try:
        yield
    finally:
        owner.unlink(missing_ok=True)
        held.release()


def _refusal(target: Path, error: Exception, *, missing: bool) -> UserError | None:
    """Return the sentence for a place that cannot be written; None for any other error.

    Args:
        target: what was to be written.
        error: what happened.
        missing: whether a missing file can only mean that its folder cannot be made.
    """
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT) or FULL.search(str(error)):
        return UserError(
            f"Expected room to write {target}, but the disk is full: free some space and "
            "run the same command again."
        )
    if number in REFUSED or (number == errno.ENOENT and missing):
        return UserError(
            f"Expected to be able to write {target}, but it is refused "
            f"({os.strerror(number)}): choose another place or change its permissions."
        )
    return None


SEAL = "checksums.json"
"""In it, the folder's name and the SHA-256 of every other file in it, by its name."""


def write_cache(folder: Path, arrays: "Mapping[str, np.ndarray]", texts: Mapping[str, str]) -> None:
    """Write a folder that `read_cache` reads, in one step, in the place of one that is there.

    Raises:
        UserError: when the disk is full or the place cannot be written.
    """
    import numpy as np

    with atomic_write(folder, directory=True) as temporary:
        for name, values in arrays.items():
            np.save(temporary / f"{name}.npy", values)
        for name, text in texts.items():
            (temporary / f"{name}.txt").write_text(text, encoding="utf-8")
        seal(temporary)


def read_cache(folder: Path) -> "tuple[dict[str, np.ndarray], dict[str, str]] | None":
    """Return the arrays and texts of a folder; `None` when it is missing, or not as written."""
    import numpy as np

    if not sealed(folder):
        return None
    try:
        arrays = {file.stem: np.load(file, allow_pickle=False) for file in folder.glob("*.npy")}
        texts = {file.stem: file.read_text(encoding="utf-8") for file in folder.glob("*.txt")}
    except (OSError, ValueError):  # missing, truncated or another form
        return None
    return arrays, texts


def seal(folder: Path) -> None:
    """Write the `SEAL` of a folder that is about to stand under its own name."""
    (folder / SEAL).write_text(json.dumps(_contents(folder)), encoding="utf-8")


def sealed(folder: Path) -> bool:
    """Return whether a folder holds what it held when it was sealed, and nothing else."""
    try:
        written = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(written == _contents(folder))
    except (OSError, ValueError):  # missing, truncated or another form
        return False


def _contents(folder: Path) -> dict[str, str]:
    """Return what `SEAL` has to hold; the name, so that no folder stands in another's place."""
    contents = {"folder": folder.name}
    for file in sorted(folder.iterdir()):
        if file.name != SEAL:
            with file.open("rb") as opened:
                contents[file.name] = hashlib.file_digest(opened, "sha256").hexdigest()
    return contents
