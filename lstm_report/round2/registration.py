"""When the rules of the second round were registered, and whether a run was made after that.

The registration is the commit that added `results/round2/PLAN.md`, by the repository's history. A
run counts when the commit of the code that made it is that one or descends from it.
"""

import functools
import subprocess
from dataclasses import dataclass

from lstm_report.paths import REPOSITORY

PLAN = REPOSITORY / "results" / "round2" / "PLAN.md"
STUDIES = "round2/"
"""How the names of the studies begin that were registered."""


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
    """Return why a run of the second round does not count by its commit, or an empty text.

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


def _git(*arguments: str) -> str | None:
    """Return what git answers, or `None` when it fails or there is none."""
    if not (REPOSITORY / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
