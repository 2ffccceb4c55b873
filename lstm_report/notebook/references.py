"""The works that the report cites, from one BibTeX file beside the notebooks."""

import json
from pathlib import Path
from typing import Any

from lstm_report import paths

FILE = "references.bib"


def works(path: Path | None = None) -> list[dict[str, Any]]:
    """Return the entries of a BibTeX file as CSL items, in the order of authors and years."""
    import pypandoc

    path = paths.NOTEBOOKS / FILE if path is None else path
    items = json.loads(pypandoc.convert_file(str(path), "csljson", format="bibtex"))
    return sorted(items, key=lambda item: (authors(item), year(item)))


def authors(item: dict[str, Any]) -> str:
    """Return the authors of a work, as in `Dai, A. M., and Le, Q. V.`."""
    names: list[str] = []
    for author in item["author"]:
        if author.get("literal") == "others":
            return f"{names[0]}, et al."
        initials = " ".join(f"{given[0]}." for given in author["given"].split())
        names.append(f"{author['family']}, {initials}")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, and {names[-1]}"


def year(item: dict[str, Any]) -> str:
    """Return the year of a work."""
    return str(item["issued"]["date-parts"][0][0])


def as_markdown() -> str:
    """Return the list of references, one work an entry, with a link where there is one."""
    lines = []
    for item in works():
        where = item.get("container-title") or item.get("publisher", "")
        volume = f" {item['volume']}" if "volume" in item else ""
        issue = f" ({item['issue']})" if "issue" in item else ""
        link = f"https://doi.org/{item['DOI']}" if "DOI" in item else item.get("URL")
        title = item["title"] if item["title"].endswith("?") else f"{item['title']}."
        line = f"- {authors(item)} ({year(item)}). {title} *{where}*{volume}{issue}."
        lines.append(line + (f" <{link}>" if link else ""))
    return "\n".join(lines)


def show() -> None:
    """Display the list of references."""
    from lstm_report.notebook import display

    display.show_references(as_markdown())
