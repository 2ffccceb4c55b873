"""Change the package in one place at a time, and print the changes that no test notices.

Usage: make mutants, or python .ci/mutants.py [--count 200] [--seed 0] [--workers 2] [--only 3,17]

A random sample of the mutants that mutmut makes of `FOLDERS`, the same one for the same seed and
code. Left alone are docstrings, annotations, and words: what is raised or warned, and texts of
more than one word. mutmut's own runner never changes constants, decorated functions and lambdas
outside functions, where many rules of the claims stand; so each change is written to a copy of the
tree here. There the tests run to the first that fails: the file of the module's own tests, then
those that import something of its folder and by that the module.
"""

import argparse
import ast
import compileall
import contextlib
import difflib
import functools
import multiprocessing
import os
import py_compile
import queue
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("models", "training", "statistics", "claims")
ALLOWED = 0.1
"""The share of mutants below which the survivors shall stay."""
SECONDS = 600
"""Of a processor, for the tests of one mutant; beside it each test has pytest's own limit."""
# Imported once for all mutants. None of them imports the package.
PRELOADED = ["__main__", "matplotlib.pyplot", "pandas", "scipy.stats", "sklearn", "torch"]
PROCESSES = multiprocessing.get_context("forkserver")


class Places(MutationVisitor):
    """mutmut's walk over a module, through decorated functions too, and past words."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            return False
        warns = isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute)
        return (
            isinstance(node, cst.Raise)
            or (warns and node.func.attr.value == "warn")
            or super()._skip_node_and_children(node)
        )

    def _should_mutate_node(self, node: cst.CSTNode) -> bool:
        return not (isinstance(node, cst.SimpleString) and len(node.value.split()) > 1)


@dataclass(frozen=True)
class Mutant:
    """One change: its number in the sample, its file, and the code before and after."""

    number: int
    file: Path
    before: str
    after: str

    def line(self) -> int:
        """Return the number of the first line that differs."""
        pairs = zip(self.before.splitlines(), self.after.splitlines(), strict=False)
        return next(k for k, (old, new) in enumerate(pairs, start=1) if old != new)

    def diff(self) -> str:
        """Return the lines that differ, with one around them."""
        lines = (code.splitlines() for code in (self.before, self.after))
        changed = list(difflib.unified_diff(*lines, n=1, lineterm=""))[2:]
        return "\n".join([f"{self.number}. {self.file}", *changed])


def mutants() -> Iterator[tuple[Path, cst.Module, Mutation]]:
    """Yield every mutant of the folders, in the order of the code."""
    for path in sorted(path for name in FOLDERS for path in ROOT.glob(f"lstm_report/{name}/*.py")):
        wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
        places = Places(mutation_operators, IgnoredCode(set(), set(), set()))
        module = wrapper.visit(places)
        for mutation in places.mutations:
            yield path.relative_to(ROOT), module, mutation


def sample(count: int, seed: int) -> tuple[list[Mutant], int]:
    """Return that many mutants, in random order, and how many there are."""
    every = list(mutants())
    chosen = []
    for path, module, mutation in random.Random(seed).sample(every, count):
        code = module.deep_replace(mutation.original_node, mutation.mutated_node).code
        chosen.append(Mutant(len(chosen) + 1, path, module.code, code))
    return chosen, len(every)


@functools.cache
def imported(path: Path) -> set[Path]:
    """Return the files of the package and the helpers of tests that a file imports itself."""
    tree = ast.parse(
        (stub if (stub := path.with_suffix(".pyi")).is_file() else path).read_text(encoding="utf-8")
    )
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = f"lstm_report.{path.parent.name}." if node.level else ""  # as stubs have it
            names |= {f"{above}{node.module}.{alias.name}" for alias in node.names}
    return {file for name in names if (file := _file(name))} - {path}


def _file(name: str) -> Path | None:
    """Return the file of a module, or of what stands in it."""
    inner = name.replace(".", "/")
    for end in (inner, inner.rpartition("/")[0] or inner):
        for root in (ROOT, ROOT / "tests"):
            for file in (root / f"{end}.py", root / end / "__init__.py"):
                if file.is_file():
                    return file
    return None


def reached(path: Path) -> set[Path]:
    """Return the files that a file imports, and those that these import."""
    found, waiting = set(), [path]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def tests_of(module: Path) -> list[str]:
    """Return the files of tests for a module, the nearest first, then the shortest."""
    found, changed = [], ROOT / module
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        beside = any(file.parent == changed.parent for file in imported(path))
        if beside and changed in {*imported(path), *reached(path)}:
            inside = path.parent.name == changed.parent.name
            own = inside and path.stem == f"test_{changed.stem}"
            size, name = path.stat().st_size, str(path.relative_to(ROOT))
            found.append((not own, not inside, changed not in imported(path), size, name))
    return [name for *_, name in sorted(found)]


def copy_tree(target: Path) -> None:
    """Copy the tree without what git ignores, but with the compiled kernel."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = [name for name in listing.stdout.split("\0") if name]
    for path in (*map(ROOT.joinpath, names), *ROOT.glob(".cache/kernel-*/*")):
        if path.is_file():
            copied = target / path.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copied)
    # A change that keeps time and size of a file must be seen, so bytecode goes by its content.
    checked = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(target / "lstm_report", quiet=1, invalidation_mode=checked)


class Witness:
    """Notes the test that fails, whole, which pytest's summary cuts off."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        self.file.write_text(f"{report.nodeid}\n{call.excinfo.typename}", encoding="utf-8")


def run_tests(tree: Path, tests: list[str], log: Path) -> None:
    """Run tests in a tree, in this process, and exit as pytest does."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    os.chdir(tree)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.path.insert(0, str(tree))
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tree), *filter(None, inherited)])
    import pytest

    options = ["-q", "-x", "--tb=short", "-p", "no:cacheprovider", f"--rootdir={tree}"]
    options.append(f"--basetemp={log.with_suffix('.tmp')}")
    sys.exit(pytest.main([*options, *tests], [Witness(log.with_suffix(".failed"))]))


def outcome(tree: Path, tests: list[str]) -> tuple[str, str]:
    """Return the test that fails in a tree and how it fails, or twice nothing."""
    log, failed = tree.with_suffix(".log"), tree.with_suffix(".failed")
    failed.unlink(missing_ok=True)
    process = PROCESSES.Process(target=run_tests, args=(tree, tests, log))
    process.start()
    process.join()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what a test that was cut off left running
    if process.exitcode == 0:
        return "", ""
    if failed.is_file():
        test, error = failed.read_text(encoding="utf-8").split("\n")
        return test, error
    if process.exitcode > 0:
        said = log.read_text(encoding="utf-8")
        raise RuntimeError(f"expected a test that fails, got this of pytest: {said}")
    return "a process", f"signal {-process.exitcode}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="how many mutants are drawn (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw (0)")
    parser.add_argument("--workers", type=int, default=2, help="how many run at a time (2)")
    parser.add_argument("--only", help="numbers of mutants of the sample, as in 3,17")
    parser.add_argument("--tests", nargs="+", help="tests to run instead of those of the module")
    options = parser.parse_args()

    chosen, total = sample(options.count, options.seed)
    if options.only:
        chosen = [chosen[int(number) - 1] for number in options.only.split(",")]
    print(f"{len(chosen)} of {total} mutants, seed {options.seed}", flush=True)
    os.environ |= {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    PROCESSES.set_forkserver_preload(PRELOADED)
    alive, killers = [], set()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for worker in range(options.workers):
            copy_tree(Path(folder) / f"tree{worker}")
            trees.put(Path(folder) / f"tree{worker}")

        def attempt(mutant: Mutant) -> tuple[str, str, float]:
            tree, start = trees.get(), time.monotonic()
            (tree / mutant.file).write_text(mutant.after, encoding="utf-8")
            try:
                test, error = outcome(tree, options.tests or tests_of(mutant.file))
            finally:
                (tree / mutant.file).write_text(mutant.before, encoding="utf-8")
                trees.put(tree)
            return test, error, time.monotonic() - start

        with ThreadPoolExecutor(options.workers) as pool:
            trials = {pool.submit(attempt, mutant): mutant for mutant in chosen}
            for trial in as_completed(trials):
                mutant, (test, error, seconds) = trials[trial], trial.result()
                place = f"{mutant.number:4d}  {mutant.file}:{mutant.line()}  {seconds:.0f} s"
                print(f"{place}  {f'{error} in {test}' if error else 'ALIVE'}", flush=True)
                if not error:
                    alive.append(mutant)
                elif "::" in test:
                    killers.add(test)
        # A test that fails without a change too has noticed nothing.
        test, error = outcome(trees.get(), sorted(killers)) if killers else ("", "")
    for mutant in sorted(alive, key=lambda mutant: mutant.number):
        print(f"\n{mutant.diff()}")
    print(f"\n{len(alive)} of {len(chosen)} mutants live.")
    if error:
        print(f"This counts for nothing, since without a change too: {error} in {test}")
    return int(bool(error) or len(alive) >= ALLOWED * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
