"""What a result was made with: commit, versions, hardware; and whether that counts.

The rules of the claims were registered by the commit that added `results/round2/PLAN.md`. A run of
the studies that were registered counts when the commit of the code that made it is that one or
descends from it.
"""

import functools
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lstm_report.paths import REPOSITORY

PLAN = REPOSITORY / "results" / "round2" / "PLAN.md"
REGISTERED = "round2/"
"""How the names of the studies begin that were registered."""
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
    name = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *OUTPUTS)
    if name is None or changed is None:
        return None
    return f"{name}-dirty" if changed else name


def _git(*arguments: str) -> str | None:
    """Return what git answers, or `None` when it fails, or there is none or no clone."""
    if not (REPOSITORY / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def altered(folder: Path) -> list[Path]:
    """Return the committed files below a folder that differ from the last commit, or are gone.

    Outside a git clone none is known.
    """
    answer = _git("diff", "--name-only", "-z", "HEAD", "--", str(folder))
    return [REPOSITORY / name for name in (answer or "").split("\0") if name]


def committed(file: Path) -> str:
    """Return the text of a file in the last commit, empty where it is not in it."""
    return _git("show", f"HEAD:{file.relative_to(REPOSITORY).as_posix()}") or ""


@dataclass(frozen=True)
class Registration:
    """The commit that registered the rules."""

    commit: str
    time: str
    """When it was committed, as ISO 8601."""


@functools.cache
def registration() -> Registration | None:
    """Return the registration; `None` outside a git clone, in a shallow one, or before it."""
    name = PLAN.relative_to(REPOSITORY).as_posix()
    answer = _git("log", "--diff-filter=A", "--format=%H %cI", "--", name)
    if not answer or _git("rev-parse", "--is-shallow-repository") != "false":
        return None
    commit, _, time = answer.splitlines()[-1].partition(" ")
    return Registration(commit, time)


@functools.cache
def objection(commit: str) -> str:
    """Return why a run of a registered study does not count by its commit, or an empty text.

    Args:
        commit: of the code that made it, as it stands in the records.
    """
    if not commit or commit == "nan":
        return "made with code whose commit is not known"
    if commit.endswith("-dirty"):
        return f"made with code that was not committed ({commit})"
    registered = registration()
    if registered is None:
        return ""  # there is no history to look at; the ledger says so
    if _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}") is None:
        return f"made with a commit that the history does not hold ({commit})"
    if _git("merge-base", "--is-ancestor", registered.commit, commit) is None:
        return f"made with code from before the registration ({commit})"
    return ""


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of packages, by default of those that shape a result."""
    found = {"python": platform.python_version()}
    for name in packages:
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
        told = listing.read_text(encoding="utf-8", errors="replace")
        if found := re.search("^model name.*?:(.*)", told, re.MULTILINE):
            name = found[1].strip()
    return f"{name}, {cores()} cores"


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
