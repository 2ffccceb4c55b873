"""Care of the tree: set-up files agree, modules point one way, notebooks are clean."""

import ast
import functools
import glob
import graphlib
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lstm_report.config import MODELS, PROFILES
from lstm_report.paths import NOTEBOOKS, ROOT
from lstm_report.report.build import LISTING

PACKAGE = ROOT / "lstm_report"
CHAPTERS = ["00_answer", "01_theory", "02_data", "03_lstm_training", "04_reslstm_training"]
CHAPTERS += ["05_how_we_compare", "06_evidence", "07_discussion", "08_appendix"]
PARAMETERS = ["profile", "data", "seed", "epochs", "layers", "readout", "language"]
OPTIONAL = ["ray", "jax", "keras", "mutmut"]  # of extras that the tests do without
# A module is as long as its subject, and one that is longer than this is likely two.
LONGEST_CELL, LONGEST_MODULE, LARGEST_FOLDER = 15, 400, 13

# What the modules of each folder may import besides their own: the package from the ground up.
# The first are the modules beside the folders.
IMPORTS = {
    "": "",
    "statistics": "top",
    "data": "top",
    "models": "top",
    "training": "top statistics data models",
    "analysis": "top data models training",
    "studies": "top statistics data training analysis",
    "figures": "top statistics data training analysis",
    "claims": "top statistics data models analysis studies figures",
    "notebook": "top statistics data models training analysis studies figures claims",
    "report": "top data figures notebook",
    "cli": "top data training analysis studies claims notebook report",
}
# What starts at once, and what that imports; the others may import torch.
WITHOUT_TORCH = "top statistics data studies claims notebook report cli".split()
EXCEPT = {"__main__", "notebook.results"}


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its output."""
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True
    )


@functools.cache
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lines: list[str]) -> dict[str, str]:
    """Return name and version of each `name==version`."""
    pairs = (line.strip().split("==") for line in lines if "==" in line and line[0] != "#")
    return {canonicalize_name(name): version for name, version in pairs}


@functools.cache
def constraints() -> dict[str, str]:
    return pins((ROOT / "constraints.txt").read_text().splitlines())


@functools.cache
def direct_requirements() -> list[Requirement]:
    project = pyproject()["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    requirements = [Requirement(text) for entries in lists for text in entries]
    return [entry for entry in requirements if entry.name != project["name"]]


@functools.cache
def tracked_files() -> list[Path]:
    """Return the files of the tree that git does not ignore."""
    listing = run(
        *("git", "-c", "safe.directory=*", "ls-files", "-z"),
        *("--cached", "--others", "--exclude-standard"),
    )
    if listing.returncode:
        pytest.skip("the tree is no git checkout")
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules() -> dict[str, Path]:
    """Return the package's modules: name without `lstm_report.`, and file."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Return the full names that a module imports anywhere, those in functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return for each module the modules of the package that it imports."""
    edges = {}
    for name, path in modules().items():
        edges[name] = set()
        for full in imported(path):
            inner = full.removeprefix("lstm_report.")
            while inner != full and inner not in modules() and "." in inner:
                inner = inner.rpartition(".")[0]
            if inner != full and inner in modules() and inner != name:
                edges[name].add(inner)
    return edges


def test_imports_have_no_cycle():
    assert len(graph()["training.loop"]) > 2, "the graph is not being read"
    tuple(graphlib.TopologicalSorter(graph()).static_order())


def folder(name: str) -> str:
    """Return the folder of a module, or `top` for those beside the folders."""
    inside = modules()[name].relative_to(PACKAGE).parts
    return inside[0] if len(inside) > 1 else "top"


@pytest.mark.parametrize("name", IMPORTS)
def test_folders_import_only_those_below(name):
    inside = [module for module in modules() if folder(module) == (name or "top") and module]
    assert inside, "there is no such folder"
    reached = {folder(other) for module in inside for other in graph()[module]}
    allowed = {*IMPORTS[name].split(), name or "top"}
    if not name:
        allowed.add("cli")  # python -m lstm_report
    assert reached <= allowed


def test_every_folder_stands_in_the_table_and_none_holds_more_than_can_be_overlooked():
    folders: dict[str, int] = {}
    for module in modules():
        folders[folder(module)] = folders.get(folder(module), 0) + 1
    assert {*folders} == {*IMPORTS, "top"} - {""}
    assert max(folders.values()) <= LARGEST_FOLDER


def test_notebooks_import_public_names_alone():
    for chapter in CHAPTERS:
        notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        for source in map(TransformerManager().transform_cell, code):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("lstm_report"):
                    package = importlib.import_module(node.module)
                    public = {*package.__all__, *IMPORTS}
                    assert {alias.name for alias in node.names} <= public, node.module


@pytest.mark.parametrize("name", sorted(modules()))
def test_modules_are_short_and_say_what_they_do(name):
    text = modules()[name].read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("stub", sorted(PACKAGE.rglob("*.pyi")), ids=lambda path: path.parent.name)
def test_public_names_are_there_and_have_types(stub):
    package = importlib.import_module(f"lstm_report.{module_name(stub)}".rstrip("."))
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_the_package_is_installed_with_its_types():
    data = pyproject()["tool"]["setuptools"]["package-data"]["lstm_report"]
    assert {"py.typed", "**/*.pyi"} <= {*data} and (PACKAGE / "py.typed").is_file()
    assert all((PACKAGE / name).is_file() for name in data if "*" not in name)


def test_the_package_is_installed_with_all_its_files():
    globs = pyproject()["tool"]["setuptools"]["package-data"]
    found = {
        ROOT.joinpath(*name.split("."), path)
        for name, patterns in globs.items()
        for pattern in patterns
        for path in glob.glob(pattern, root_dir=ROOT.joinpath(*name.split(".")), recursive=True)
    }
    inside = {path for path in tracked_files() if path.is_relative_to(PACKAGE)}
    assert {path for path in inside if path.suffix != ".py"} - found == set()


def test_light_modules_do_not_import_torch():
    lines = ["import sys", "import lstm_report"]
    for name in sorted(modules()):
        if name and name not in EXCEPT and folder(name) in WITHOUT_TORCH:
            lines += [f"import lstm_report.{name}"]
            lines += [f"assert 'torch' not in sys.modules, '{name}'"]
    result = run(sys.executable, "-c", "\n".join(lines))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name, absent", [("cli.app", "numpy"), ("studies.workers", "scipy")])
def test_commands_and_workers_start_without_what_they_may_not_need(name, absent):
    code = f"import sys, lstm_report.{name}; sys.exit('{absent}' in sys.modules)"
    assert run(sys.executable, "-c", code).returncode == 0


def test_importing_has_no_side_effects(tmp_path):
    """No file is written and nothing printed, wherever the package is imported."""
    code = "; ".join(f"import lstm_report.{name}" for name in modules() if name)
    result = run(sys.executable, "-W", "ignore", "-c", code, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_imported_package_is_declared():
    distributions = importlib.metadata.packages_distributions()
    declared = {canonicalize_name(entry.name) for entry in direct_requirements()}
    missing = set()
    for path in modules().values():
        for top in {name.partition(".")[0] for name in imported(path)}:
            if top in sys.stdlib_module_names or top == "lstm_report":
                continue
            names = {canonicalize_name(entry) for entry in distributions.get(top, [top])}
            if not names & declared:
                missing.add((path.name, top))
    assert missing == set()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notebooks_are_committed_clean(chapter):
    path = NOTEBOOKS / f"{chapter}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert cell.outputs == [] and cell.execution_count is None, cell.source
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        assert not any(isinstance(node, definitions) for node in ast.walk(tree)), cell.source
    assert "papermill" not in notebook.metadata and "widgets" not in notebook.metadata
    identities = [cell.id for cell in notebook.cells]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notebooks_take_the_six_parameters_and_name_the_chapter(chapter):
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert "parameters" in first.metadata.get("tags", [])
    assigned = [node for node in ast.parse(first.source).body if isinstance(node, ast.Assign)]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}
    assert list(values) == PARAMETERS
    assert values["profile"] in PROFILES
    headings = {
        line: {*cell.metadata.get("tags", [])} & {"unnumbered", "appendix"}
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if re.match(r"# \S", line)
    }
    assert headings, "a chapter has a title"
    assert all([*headings.values()][1:]), "one chapter a notebook, but for appendices"
    assert not any(re.match(r"# [\d.]+ ", line) for line in headings), "the report numbers them"


def test_there_is_no_other_notebook():
    found = {path.stem for path in tracked_files() if path.suffix == ".ipynb"}
    assert found == set(CHAPTERS)


def test_constraints_pin_plain_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in entries if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert len(constraints()) == len(entries), "a package stands twice"
    assert constraints()["torch"] == "2.13.0"
    assert not {"pip", "setuptools", "lstm-report"} & set(constraints())


def test_constraints_pin_each_requirement_within_its_range():
    for entry in direct_requirements():
        version = constraints()[canonicalize_name(entry.name)]
        assert entry.specifier.contains(version), f"{entry} against {version}"


def test_constraints_cover_all_that_the_requirements_bring_along():
    waiting = [entry.name for entry in direct_requirements()]
    seen = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            assert name in OPTIONAL, f"{name} is not installed"
            continue
        for text in required:
            entry = Requirement(text)
            if entry.marker is None or entry.marker.evaluate({"extra": ""}):
                waiting.append(entry.name)
    cuda = {name for name in seen if name.startswith(("nvidia-", "cuda-")) or name == "triton"}
    assert seen - cuda - {"pip", "setuptools"} - set(constraints()) == set()


def test_environment_matches_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    entries = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert entries[:2] == ["--constraint constraints.txt", "--editable ."]
    listed = pins(entries[2:])
    assert len(listed) == len(entries[2:])
    direct = {canonicalize_name(entry.name) for entry in direct_requirements()}
    assert listed == {name: constraints()[name] for name in direct}


def test_versions_and_licence_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == importlib.metadata.version("lstm-report")
    assert citation["license"] == pyproject()["project"]["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_console_script_and_exporter_are_registered():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="lstm-report")
    (exporter,) = importlib.metadata.entry_points(
        group="nbconvert.exporters", name="lstm_report_html"
    )
    assert callable(script.load())
    assert exporter.load().__name__ == "ReportHTMLExporter"


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("an absolute path", r"(?<![\w.:/~$})-])/(?:home|root|work|opt|Users|mnt|srv)/\w"),
        ("an absolute path", r"\b[A-Z]:\\\\?[A-Za-z]{3}"),
        ("a registry", r"pypi\.org|pythonhosted\.org|download\.pytorch|npmjs\.|anaconda\.org"),
        ("a registry", r"(?i)(?:index-url|find-links)[= ]+(?:https?|file):"),
    ],
)
def test_files_name_no_machine_and_no_registry(what, pattern):
    hits = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits += [(path.relative_to(ROOT), hit[0]) for hit in re.finditer(pattern, text)]
    assert hits == [], f"{what} is named"


def test_links_in_the_documents_lead_somewhere():
    for path in tracked_files():
        if path.suffix == ".md":
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
                if "://" not in target:
                    assert (path.parent / target).exists(), f"{path.name} names {target}"


def test_style_and_format():
    for arguments in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        result = run(sys.executable, "-m", "ruff", *arguments, ".")
        assert result.returncode == 0, result.stdout + result.stderr


def test_no_large_file_is_committed():
    """A table of measurements may take 4 MiB: it is text, which git keeps in a tenth of that.

    And so may each of the two models that are shipped.
    """
    limits = {"measurements.csv": 2**22} | {f"{kind}.safetensors": 2**22 for kind in MODELS}
    sizes = {path: path.stat().st_size for path in tracked_files()}
    assert [p for p, size in sizes.items() if size > limits.get(p.name, 2**20)] == []


def test_make_passes_its_variables_on():
    result = run("make", "--dry-run", "report", "PROFILE=smoke", "DATA=a b.csv", "SEED=3", "CODE=1")
    assert result.returncode == 0, result.stderr
    command = " ".join(result.stdout.replace("\\\n", " ").split())
    expected = ".venv/bin/lstm-report build --profile 'smoke' --data 'a b.csv' --seed '3' --code"
    assert expected in command
    assert "--epochs" not in command


def test_make_figures_publishes_those_of_the_build_and_no_others(tmp_path):
    made, published = tmp_path / "build" / "figures", tmp_path / "figures"
    for folder, names in ((made, "one.svg one.png stale.svg made.txt"), (published, "gone.png")):
        folder.mkdir(parents=True)
        for name in names.split():
            (folder / name).write_text(name)
    (made / LISTING).write_text("one.png\none.svg\n")
    for name in ("pyproject.toml", "constraints.txt", ".venv/ready", ".venv/bin/lstm-report"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / ".venv/bin/lstm-report").chmod(0o755)
    result = run("make", "--file", str(ROOT / "Makefile"), "figures", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert {file.name: file.read_text() for file in published.iterdir()} == {
        name: name for name in ("one.png", "one.svg")
    }


def test_make_help_lists_every_target():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = run("make", "help").stdout
    for target in set(phony[1].split()) - {"help"}:
        assert f"make {target} " in text


@pytest.fixture
def fresh_clone(tmp_path):
    """A folder with the Makefile, and an interpreter that plays the parts given to it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())

    def python(*, version_check="exit 0", install="exit 0"):
        inner = f'case "$*" in *install*) {install};; esac'
        script = (
            "#!/bin/sh\n"
            f'case "$1" in -c) {version_check};; --version) echo "Python 3.10.1"; exit 0;; esac\n'
            "mkdir -p .venv/bin\n"
            f"cat > .venv/bin/python <<'INNER'\n#!/bin/sh\n{inner}\nINNER\n"
            "chmod +x .venv/bin/python\n"
        )
        path = tmp_path / "python-for-test"
        path.write_text(script)
        path.chmod(0o755)
        return run("make", f"PYTHON={path}", ".venv/ready", cwd=tmp_path)

    return tmp_path, python


def test_a_failed_installation_is_tried_again(fresh_clone):
    folder, python = fresh_clone
    assert python(install="exit 1").returncode != 0
    assert not (folder / ".venv/ready").exists()
    (folder / ".venv/bin/python").unlink()
    assert python().returncode == 0
    assert (folder / ".venv/ready").exists()
    assert "up to date" in python().stdout


def test_an_old_python_is_refused_in_one_sentence(fresh_clone):
    folder, python = fresh_clone
    result = python(version_check="exit 1")
    assert result.returncode != 0
    assert "Expected Python 3.11 or newer, got Python 3.10.1" in result.stderr
    assert not (folder / ".venv").exists()


def test_pre_commit_hooks_use_installed_tools():
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    direct = {entry.name for entry in direct_requirements()}
    for repository in settings["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert Path(hook["entry"].split()[0]).name in direct


def test_the_package_can_be_run_where_the_script_is_not_on_the_path():
    command = [sys.executable, "-m", "lstm_report", "nonsense"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "lstm-report: No such command 'nonsense'. See lstm-report --help.\n"
