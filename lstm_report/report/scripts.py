"""The scripts of the page: the modules of `page/` as one, what they work on, and the page's policy.

The page's content security policy lets its own script run, known by its digest, and nothing else:
no other script, no request, no evaluation of texts, and no text taken for markup.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_report import language, paths
from lstm_report.report import ReportError

FOLDER = Path(__file__).parent / "page"
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
SAID = re.compile(rf"\bsay\(\s*((?:{STRING.pattern}\s*\+?\s*)+)")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def bundled() -> str:
    """Return `main` and all that it imports as one text, each module in a scope of its own."""
    made: dict[str, str] = {}

    def add(name: str) -> None:
        if name in made:
            return
        text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for _, other in IMPORT.findall(text):
            add(other)
        given = ", ".join(EXPORT.findall(text))
        text = EXPORT.sub(lambda found: found[0].removeprefix("export "), text)
        text = IMPORT.sub(r"const {\1} = module_\2;\n", text).strip()
        made[name] = f"const module_{name} = (() => {{\n{text}\nreturn {{ {given} }};\n}})();"

    add("main")
    return "\n\n".join(made.values())


def said_by_scripts() -> set[str]:
    """Return the texts that the scripts show, as they stand in the calls of `say`."""
    sources = (file.read_text(encoding="utf-8") for file in FOLDER.glob("*.js"))
    found = (SAID.findall(source) for source in sources)
    return {"".join(map(json.loads, STRING.findall(call))) for calls in found for call in calls}


def policy(script: str) -> str:
    """Return the content security policy of a page that runs this script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return POLICY.format(digest=digest)


def blocks(live: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the HTML of what the scripts work on.

    Args:
        live: by the anchor of a figure, what its live part is told: `part` is its name.

    Raises:
        ReportError: when the shipped models are wanted and cannot be read.
    """
    made = [_block("live", "application/json", json.dumps(dict(live)))]
    if language.chosen() != "en":
        told = language.catalogue(language.chosen()).pairs
        said = {text: told[text] for text in sorted(said_by_scripts()) if text in told}
        made.append(_block("texts", "application/json", json.dumps(said)))
    if any(entry["part"] == "reader" for entry in live.values()):
        made += _shipped()
    return "\n".join(made)


def _shipped() -> list[str]:
    """Return the blocks of the shipped models and their vocabulary."""
    try:
        about = json.loads((paths.SHIPPED / "about.json").read_text(encoding="utf-8"))
        files = {name: (paths.SHIPPED / name).read_bytes() for name in about["files"]}
    except (OSError, ValueError, LookupError) as error:
        raise ReportError(f"The shipped models cannot be read: {error}") from error
    made = [_block("shipped-vocabulary", "application/json", files["vocabulary.json"].decode())]
    for kind in about["models"]:
        packed = gzip.compress(files[f"{kind}.safetensors"], mtime=0)
        text = base64.b64encode(packed).decode()
        made.append(_block(f"shipped-{kind}", "text/plain", text))
    return made


def _block(name: str, kind: str, content: str) -> str:
    """Return a block that no browser runs or shows; what could end it is written otherwise."""
    text = content.replace("<", "\\u003c")
    return f'<script type="{kind}" id="{name}">{text}</script>'
