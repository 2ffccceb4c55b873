"""The page's script: its modules joined, its policy, and the blocks that it works on."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from live_page import write_page
from sample_report import SAMPLE, notebook

from lstm_report import notebook as shown
from lstm_report import paths
from lstm_report.report import ReportError, build, scripts
from lstm_report.report.html import ReportHTMLExporter

MODULES = sorted(path.stem for path in scripts.FOLDER.glob("*.js"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), shown.show_reader).read_text()


class Reader(HTMLParser):
    """Keeps the attributes and the text of each script, and the policy."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.policy = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "script":
            self.scripts.append((attributes, ""))
        elif attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]

    def handle_data(self, data):
        if self.cdata_elem == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data


def test_every_module_stands_once_and_after_what_it_imports():
    script = scripts.bundled()
    assert sorted(re.findall(r"^const module_(\w+) = ", script, re.MULTILINE)) == MODULES
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    for found in re.finditer(r"^const \{[^}]*\} = module_(\w+);", script, re.MULTILINE):
        assert script.index(f"const module_{found[1]} = ") < found.start()
    for name in MODULES:
        text = (scripts.FOLDER / f"{name}.js").read_text()
        assert len(scripts.IMPORT.findall(text)) == len(re.findall("^import", text, re.MULTILINE))
        assert not re.search("^export (?!(async )?function|const)", text, re.MULTILINE)


def test_the_policy_allows_the_one_script_of_the_page_by_its_digest(page):
    read = Reader(page)
    run = [text for attributes, text in read.scripts if attributes == {"type": "module"}]
    kinds = {attributes["type"] for attributes, _ in read.scripts}
    assert kinds == {"module", "application/json", "text/plain"}
    (script,) = run
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = dict(part.strip().split(" ", 1) for part in read.policy.split(";"))
    assert allowed["script-src"] == f"'sha256-{digest}'"
    assert allowed["default-src"] == "'none'" and allowed["img-src"] == "data:"
    assert not re.search("unsafe-(eval|hashes)|https?:|[*]", read.policy)


def test_the_blocks_hold_what_is_shipped(page):
    blocks = {attributes.get("id"): text for attributes, text in Reader(page).scripts}
    assert json.loads(blocks["live"])["fig-reader"]["part"] == "reader"
    vocabulary = json.loads((paths.SHIPPED / "vocabulary.json").read_text())
    assert json.loads(blocks["shipped-vocabulary"]) == vocabulary
    for kind in ("lstm", "reslstm"):
        kept = gzip.decompress(base64.b64decode(blocks[f"shipped-{kind}"]))
        assert kept == (paths.SHIPPED / f"{kind}.safetensors").read_bytes()


def test_a_text_in_a_block_cannot_end_it():
    text = "</script><script>x</script><!--"
    block = scripts.blocks({"fig-a": {"part": "gates", "text": text}})
    assert block.count("<") == 2
    (inside,) = re.findall(r">(.*)</script>$", block)
    assert json.loads(inside)["fig-a"]["text"] == text


def test_a_page_without_a_reader_holds_no_model():
    page, _ = ReportHTMLExporter().from_notebook_node(notebook(*SAMPLE))
    assert {attributes.get("id") for attributes, _ in Reader(page).scripts} == {"live", None}


def test_models_that_are_damaged_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "SHIPPED", tmp_path)
    with pytest.raises(ReportError, match="shipped models cannot be read"):
        scripts.blocks({"fig-a": {"part": "reader"}})


def test_the_models_leave_room_for_the_report(page):
    """The rest of a report with all chapters takes about five million bytes."""
    assert len(page.encode()) < build.LARGEST_PAGE - 5_000_000
