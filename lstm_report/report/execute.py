"""Execution of one notebook: with this interpreter, only when something changed, all or nothing."""

import contextlib
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from lstm_report import language, paths, provenance
from lstm_report.errors import UserError
from lstm_report.figures import style
from lstm_report.report import ReportError

PACKAGE = Path(__file__).resolve().parent.parent
LOGGERS = ("asyncio", "papermill", "traitlets")
LONGEST_SOCKET = 103
"""Bytes that the name of a socket may have on macOS; on Linux it is a little more."""
RECORDS = "lstm_report.claims"
"""What a notebook imports that shows the records of studies; others do not change with them."""


class RunningInterpreter(AsyncKernelManager):
    """Kernels that run in the environment of this process, whatever else is registered."""

    def __init__(self, **options: Any) -> None:
        if sys.platform != "win32":
            # By default the sockets lie in the working folder, where two builds take the same ones.
            self.scratch = contextlib.ExitStack()  # left when this manager is
            name = str(self.scratch.enter_context(paths.scratch()) / "kernel")
            if len(f"{name}-9".encode()) <= LONGEST_SOCKET:  # else ports of this machine
                options |= {"transport": "ipc", "ip": name}
        super().__init__(**options)

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        # A kernel that is told to stop complains in the terminal; what matters reaches the client.
        return await super()._async_pre_start_kernel(stderr=subprocess.DEVNULL, **options)

    pre_start_kernel = _async_pre_start_kernel

    @property
    def kernel_spec(self) -> KernelSpec:
        """The interpreter that runs now, with ipykernel."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")


def key(source: Path, parameters: Mapping[str, Any], checksum: str) -> str:
    """Return a digest of everything that shapes an executed notebook.

    Args:
        source: the notebook.
        parameters: what it is executed with.
        checksum: the checksum of the reviews.
    """
    digest = hashlib.sha256()
    kinds = ("*.py", "*.cpp", "about.json")  # the last one tells which models are shipped
    code = sorted(file for kind in kinds for file in PACKAGE.rglob(kind))
    shown = ("*.csv", "*.json") if RECORDS in source.read_text(encoding="utf-8") else ()
    records = sorted(file for kind in shown for file in paths.RESULTS.rglob(kind))
    edited = [str(file) for file in provenance.altered(paths.RESULTS)] if shown else []
    spoken = parameters.get("language", "en")
    translations = [] if spoken == "en" else [language.FOLDER / f"{spoken}.po"]
    for file in [source, *source.parent.glob("*.bib"), *code, *translations, *records]:
        name = f"{file.parent.name}/{file.name}"
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    versions = provenance.versions((*provenance.PACKAGES, "ipykernel"))
    made_with = [checksum, versions, sys.version, style.families(), edited]
    digest.update(json.dumps([dict(parameters), *made_with], sort_keys=True).encode())
    return digest.hexdigest()


def execute(
    source: Path,
    target: Path,
    parameters: Mapping[str, Any],
    *,
    checksum: str = "",
    progress: bool = True,
) -> bool:
    """Execute a notebook into `target`, unless `target` is already what that would give.

    Args:
        source: the notebook.
        target: where the executed notebook is written, only when every cell has succeeded.
        parameters: values for the notebook's parameters.
        checksum: the checksum of the reviews; another one makes the notebook run again.
        progress: whether a bar over the cells is shown, where errors go to a terminal.

    Returns:
        Whether the notebook was executed, rather than reused.

    Raises:
        UserError: when a cell refused what the user supplied.
        ReportError: when a cell failed; the partly executed notebook is kept, and the message
            tells where.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    bar = {"desc": source.stem, "leave": True} if progress and sys.stderr.isatty() else False
    wanted = key(source, parameters, checksum)
    if target.is_file() and _key_of(target) == wanted:
        return False
    failed = target.with_name(f"{target.stem}.failed.ipynb")
    failed.unlink(missing_ok=True)
    for name in LOGGERS:  # what they tell of a notebook that ends early is told below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    told = language.notebook(nbformat.read(source, as_version=4), parameters.get("language", "en"))
    with paths.atomic_write(target) as temporary:
        try:
            papermill.execute_notebook(
                told,
                _unformatted(temporary),
                dict(parameters),
                kernel_name="python3",
                language="python",
                kernel_manager_class=f"{__name__}.{RunningInterpreter.__name__}",
                progress_bar=bar,
                cwd=str(paths.REPOSITORY),
            )
        except PapermillExecutionError as error:
            if error.ename == UserError.__name__:
                raise UserError(error.evalue) from None
            os.replace(temporary, failed)
            raise ReportError(_failure(source, failed, error)) from None
        except DeadKernelError:
            kept = f"\nThe partly executed notebook is {failed}." if temporary.is_file() else ""
            if kept:
                os.replace(temporary, failed)
            raise ReportError(
                f"The kernel that executed {source.name} was ended from outside, most often for "
                f"lack of memory: free some and run the same command again.{kept}"
            ) from None
        executed = nbformat.read(temporary, as_version=4)
        executed.metadata["papermill"]["input_path"] = source.name  # instead of all its cells
        executed.metadata["report_key"] = wanted
        nbformat.write(executed, temporary)
    return True


def _unformatted(path: Path) -> str:
    """Return a path as papermill takes it, which puts parameters in where braces stand."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _key_of(notebook: Path) -> str | None:
    try:
        return str(json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["report_key"])
    except (OSError, ValueError, KeyError):
        return None


def _failure(source: Path, failed: Path, error: Any) -> str:
    """Return what failed where, with the last block of the traceback."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).rstrip()
    blocks = [block for block in re.split(r"\n(?=(?:File|Cell) )|\n\n", plain) if block.strip()]
    last = next((block for block in reversed(blocks) if "-->" in block), "")
    return (
        f"{source.name} failed in cell [{error.exec_count}] with {error.ename}: {error.evalue}\n"
        f"{last}\nThe partly executed notebook is {failed}.".replace("\n\n", "\n")
    )
