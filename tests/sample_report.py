"""A small report that has each kind of block: what its notebooks hold when they have run."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SVG = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C" "http://www.w3.org/x.dtd">'
    '<svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="45pt" viewBox="0 0 90 45">'
    '<g id="patch_1"><path d="M0 0L90 45" style="fill: none; stroke: #1f2933"/></g></svg>'
)
FACTS = {
    "title": "A title & more",
    "subtitle": "A subtitle",
    "authors": "The authors",
    "banner": "Not the real data.",
    "facts": [["Checksum", "ab" * 32], ["Profile", "smoke"]],
}


def shown(kind, content, **details):
    metadata = {"report": {"kind": kind, **details}}
    return new_output("display_data", data=content, metadata=metadata)


def figure(label="line", caption="A line, $x_1$.", alt="It rises."):
    return shown("figure", {"image/svg+xml": SVG}, label=label, caption=caption, alt=alt)


def table(label="numbers"):
    content = {"text/markdown": "| a | b |\n|:---|---:|\n| one | 1 |"}
    return shown("table", content, label=label, caption="Numbers.")


def wide_table():
    """Return a table that is wider than a phone, with mathematics in its heading."""
    heading = "| model | accuracy | interval | parameters | tokens | checksum | $z$ |"
    row = f"| residual LSTM | 86.71% | 86.3–87.1% | 2,988,289 | 118,312 | {'f' * 16} | {'a ' * 30}|"
    content = {"text/markdown": f"{heading}\n|:---|---:|---:|---:|---:|---:|:---|\n{row}"}
    return shown("table", content, label="wide", caption="Accuracies.")


def notebook(*cells, facts=FACTS):
    made = new_notebook(cells=list(cells))
    if facts is not None:
        made.metadata["report_facts"] = facts
    return made


def cell(*outputs, source="x = 1", **options):
    return new_code_cell(source, outputs=list(outputs), execution_count=1, **options)


SAMPLE = [
    new_markdown_cell(
        "# Theory\n\nThe state $h_t$ falls, see @fig:second, @fig:line and (@tbl:numbers); "
        "@eq:cell keeps it.\n\n"
        "## Cell\n\n$$\n\\begin{aligned}\na &= b \\\\\n+ c &= d\n\\end{aligned}\n$$\n\n"
        "$$c_t = f_t \\odot c_{t-1} \\label{eq:cell}$$"
    ),
    cell(figure(), table(), source="secret_code = 1"),
    cell(shown("live", {"image/png": "AAAA"}), shown("caption", {"text/markdown": "again"})),
    new_markdown_cell(
        "# Data\n\n## Source\n\n## Split\n\n$$e = m$$\n\n$$W_h h_{t-1} = W_h "
        r"\left(m_{t-1} + W_\mathrm{res} x_{t-1}\right) = W_h m_{t-1} "
        r"+ W_h W_\mathrm{res} x_{t-1}$$"
    ),
    cell(wide_table()),
    new_markdown_cell("| a | b |\n|---|---|\n| 1 | 2 |\n\nBeside it:\n\n| c |\n|---|\n| 3 |"),
    cell(figure("second"), shown("summary", {"text/markdown": "- One."}, lines=["One."])),
]
