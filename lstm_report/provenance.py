"""What a result was made with: commit, versions, hardware."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from lstm_report.paths import REPOSITORY

COMMIT = "LSTM_REPORT_COMMIT"
OUTPUTS = (":!figures", ":!results")
PACKAGES = ("torch", "numpy", "pandas", "datasets", "tokenizers", "scikit-learn", "matplotlib")


def commit() -> str | None:
    """Return the commit of the source tree, with `-dirty` when its files differ.

    Figures and records of studies do not count, since they are written while the code is at work.
    Outside a git clone it is what the variable `COMMIT` says, which a driver sends along with the
    code, or `None`.
    """
    if not (REPOSITORY / ".git").exists():
        return os.environ.get(COMMIT) or None
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *OUTPUTS)
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{name}-dirty" if changed else name


def _git(*arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=20
    )
    return answer.stdout.strip()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
