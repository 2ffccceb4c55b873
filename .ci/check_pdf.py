"""Check the PDF of a report: A4 pages, none empty, selectable text, outline, tags, all chapters."""

import re
import sys

import pypdf

A4 = (595.28, 841.89)  # points
CHAPTERS = 7
FEWEST_PAGES = 10
FEWEST_FIGURES = 5


def complaints(path: str) -> list[str]:
    """Return what is wrong with the PDF, a sentence each."""
    reader = pypdf.PdfReader(path)
    found = []
    texts = [page.extract_text().strip() for page in reader.pages]
    if len(texts) < FEWEST_PAGES:
        found.append(f"Expected {FEWEST_PAGES} pages or more, got {len(texts)}.")
    for number, (page, text) in enumerate(zip(reader.pages, texts, strict=True), start=1):
        size = (float(page.mediabox.width), float(page.mediabox.height))
        if max(abs(got - want) for got, want in zip(size, A4, strict=True)) > 1:
            found.append(f"Page {number} is not A4: {size[0]:.0f} by {size[1]:.0f} points.")
        if len(text) < 5:
            found.append(f"Page {number} has no text, not even a page number.")
    whole = "\n".join(texts)
    for sign, meaning in (("@fig:", "reference"), ("@tbl:", "reference"), ("�", "glyph")):
        if sign in whole:
            found.append(f"The text holds {sign!r}: an unresolved {meaning}.")
    figures = re.findall(r"(?:Figure\s|图\s?)\d", whole)
    if len(figures) < FEWEST_FIGURES:
        found.append(f"Expected {FEWEST_FIGURES} figures or more.")
    chapters = [entry for entry in reader.outline if not isinstance(entry, list)]
    if len(chapters) < CHAPTERS:
        found.append(f"Expected {CHAPTERS} chapters in the outline, got {len(chapters)}.")
    if b"<pdfuaid:part>1</pdfuaid:part>" not in (
        reader.xmp_metadata.stream.get_data() if reader.xmp_metadata else b""
    ):
        found.append("Expected a PDF that says to be PDF/UA-1.")
    about = reader.metadata or {}
    found += [
        f"Expected {name[1:].lower()} in the metadata."
        for name in ("/Title", "/Author")
        if not about.get(name)
    ]
    return found


if __name__ == "__main__":
    path = sys.argv[1]
    wrong = complaints(path)
    print("\n".join(wrong) or f"{path}: {len(pypdf.PdfReader(path).pages)} good pages")
    sys.exit(bool(wrong))
