"""The language of the report, and the catalogues in which the translation of a text is found.

Notebooks and code speak English. Where a text is shown its translation is looked up: as a whole,
by the form that the code filled, sentence by sentence, or word by word in a list. So no code calls
for a translation, and a catalogue of one language says all that there is to say in it. A text that
the author wrote and that no catalogue has is shown in English, with a mark.
"""

import contextlib
import functools
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_report import paths
from lstm_report.errors import UserError

if TYPE_CHECKING:
    import nbformat

LANGUAGES = {"en": "English", "zh": "中文"}
TAGS = {"en": "en", "zh": "zh-Hans"}
"""The languages as pages of the web name them."""
FOLDER = Path(__file__).parent / "translations"
UNTRANSLATED = "（未译）"
"""What follows a text that stands there in English because its translation is missing."""
SAME = re.compile(
    r"\$\$.+?\$\$|\$[^$]+\$|`[^`]*`|@(?:fig|tbl|eq):[a-z0-9-]+|<?https?://\S+"
    r"|\ue000[0-9]+\ue001|\{[^{}\s]*\}"
    r"|\b(?:LSTMs?|RNNs?|IMDB|CPU|GPU|PyTorch|Keras|JAX|TSV|CSV|JSON|PDF|HTML|tanh|logit)\b",
    re.DOTALL,
)
"""What is the same in every language: formulas, code, references, marks, fields and names."""
SENTENCES = re.compile(r"(?<=[.!?])\s+(?=\S)")
PARTS = re.compile(r"[.!?:;] ")
"""What stands between the parts of a text."""
LISTS = (
    *(("; ", "；"), (", and ", "和"), (": ", "：")),
    *((", ", "、"), (" and ", "和"), (" or ", "或")),
)
"""What divides the parts of a sentence or a list, and what does so in Chinese."""
BRACKETS = re.compile(r"(?P<before>.*?) ?\((?P<inside>.+)\)(?P<after>[^()]*)", re.DOTALL)
CODE = re.compile(r"(?<=`)\{([^{}:]*)[^{}]*\}(?=`)")
"""A field that holds code."""
FORMULA = re.compile(r"(.+) (\$[^$]+\$)")
"""Words and a formula, as in a label."""
SENTENCE = re.compile(r"\b[a-z]+(?: [a-z]+){2}\b")
"""Words that are not the name of something."""
NAMING, LONGEST_NAME = 4, 80
"""Signs that a form has at least that may hold a name, as of a file, and letters of that name."""


def needs_none(text: str) -> bool:
    """Return whether a text has no word that could be translated."""
    return not re.search(r"[A-Za-z]{2}", re.sub(r"\S*\d\S*", "", SAME.sub("", text)))


def paragraphs(markdown: str) -> list[str]:
    """Return the paragraphs of a text, between which blank lines stand."""
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", markdown) if part.strip()]


class Form:
    """A text with fields, and what it reads in another language."""

    def __init__(self, text: str, translation: str) -> None:
        parts = list(string.Formatter().parse(text.strip()))
        self.fixed = [literal for literal, *_ in parts if literal]
        self.signs = sum(not letter.isspace() for literal in self.fixed for letter in literal)
        self.names = [name for _, name, *_ in parts if name is not None]
        self.code = {*CODE.findall(text)}
        self.translation = [(literal, name) for literal, name, *_ in
                            string.Formatter().parse(translation)]  # fmt: skip
        self.patterns = [
            re.compile(
                "".join(re.escape(literal) + ("" if name is None else field)
                        for literal, name, *_ in parts),
                re.DOTALL,
            )
            for field in ("(.*?)", "(.*)")
        ]  # fmt: skip

    def fields(self, text: str) -> list[dict[str, str]]:
        """Return what may have filled the fields to give a text; nothing when nothing could."""
        if not all(literal in text for literal in self.fixed):
            return []
        found = [pattern.fullmatch(text) for pattern in self.patterns]
        return [dict(zip(self.names, match.groups(), strict=True)) for match in found if match]

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the translation with its fields filled."""
        return "".join(literal + ("" if name is None else values[name])
                       for literal, name in self.translation)  # fmt: skip


class Catalogue:
    """The translations of one language."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self.pairs = {text.strip(): translation.strip() for text, translation in pairs.items()}
        self.pairs |= pairs
        forms = []
        for text, translation in pairs.items():
            try:
                form = Form(text, translation)
            except ValueError:  # a brace that is no field, as in TeX
                continue
            if form.names and form.signs:
                forms.append(form)
        self.forms = sorted(forms, key=lambda form: -form.signs)
        self.ends = [(text, end) for text, end in pairs.items() if text[0] in ",;: "]
        self.known: dict[tuple[str, bool], str | None] = {}

    def find(self, text: str) -> str | None:
        """Return the translation of a text, or `None`."""
        return self._find(text, False) or self._find(text, True)

    def _find(self, text: str, names: bool) -> str | None:
        """Return the same; with `names`, parts may stay that may be the name of something."""
        key = (text, names)
        if key not in self.known:
            self.known[key] = None  # for a form that would ask for the same again
            self.known[key] = self._found(text, names)
        return self.known[key]

    def _found(self, text: str, names: bool) -> str | None:
        if needs_none(text):
            return text
        return (
            self._whole(text)
            or self._formed(text, names, parts=False)
            or self._divided(text, names)
            # What fills a field is rarely more than one part of a text, so this is tried last.
            or self._formed(text, names, parts=True)
        )

    def _formed(self, text: str, names: bool, parts: bool) -> str | None:
        """Return the translation of a text by its form, whose fields may hold several parts."""
        for written in dict.fromkeys((text, _lower(text))):
            for form in self.forms:
                for fields in form.fields(written):
                    if parts != any(PARTS.search(value) for value in fields.values()):
                        continue
                    filled = self._fields(form, fields, written, names)
                    if filled is not None:
                        return form.filled(filled)
        if not parts and text.endswith(".") and (found := self._find(text[:-1], names)) is not None:
            return found.removesuffix("。") + "。"
        return None

    def _fields(
        self, form: Form, fields: dict[str, str], text: str, names: bool
    ) -> dict[str, str] | None:
        """Return the translations of what fills a form, or nothing where one is missing."""
        names = names and form.signs >= NAMING
        made = {}
        for name, value in fields.items():
            if value == text or not _balanced(value):
                return None
            found = value if name in form.code else self._field(value, names)
            if found is None:
                return None
            made[name] = found
        return made

    def _field(self, text: str, names: bool) -> str | None:
        found = self._find(text, names)
        if found is None and names:
            parts = [self._part(part, True) for part in text.split("; ")]
            return None if None in parts else "；".join(map(str, parts))
        return found

    def _part(self, text: str, names: bool) -> str | None:
        """Return the translation of a part of a text or, with `names`, what may be a name."""
        found = self._find(text, names)
        return _name(text) if found is None and names else found

    def _whole(self, text: str) -> str | None:
        """Return the translation of a text as it stands, but for its first letter and full stop."""
        core = text.strip()
        start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        for case in (str, _lower, _upper):
            if found := self.pairs.get(case(text)):
                return found
            if found := self.pairs.get(case(core)):
                return start + found + end
            if found := self.pairs.get(case(core) + "."):
                return start + found.removesuffix("。") + end
            if core.endswith(".") and (found := self.pairs.get(case(core[:-1]))):
                return start + found + "。" + end
        return None

    def _divided(self, text: str, names: bool) -> str | None:
        """Return the translation of paragraphs, lines, sentences or the entries of a list."""
        for pattern, joint in ((r"\n[ \t]*\n", "\n\n"), (r"\n", "\n")):
            if (found := self._joined(re.split(pattern, text), joint, names)) is not None:
                return found
        if (found := self._sentences(text, names)) is not None:
            return found
        if (found := self._bracketed(text, names)) is not None:
            return found
        if (part := FORMULA.fullmatch(text)) and (words := self._find(part[1], names)) is not None:
            return words + part[2]
        if text[:1] == text[-1:] == "*" and (inner := self._find(text[1:-1], names)) is not None:
            return f"“{inner}”"
        for text_end, end in self.ends:
            if text.endswith(text_end) and text != text_end:
                found = self._find(text.removesuffix(text_end), names)
                if found is not None:
                    return found.removesuffix("。") + end
        for divider, joint in LISTS:
            places = [found.start() for found in re.finditer(divider, text)]
            for place in places if divider == ": " else reversed(places):
                parts = text[:place], text[place + len(divider) :]
                if (found := self._joined(parts, joint, names)) is not None:
                    return found
        return None

    def _bracketed(self, text: str, names: bool) -> str | None:
        """Return the translation of a text of which a part stands in brackets."""
        found = BRACKETS.fullmatch(text)
        if not found or not _balanced(found["inside"]):
            return None
        known = [self._find(part, names) for part in found.groups()]
        if all(part in (None, same) for part, same in zip(known, found.groups(), strict=True)):
            return None  # it may be the name of a file
        parts = [self._part(part, names) for part in found.groups()]
        return None if None in parts else "{}（{}）{}".format(*parts)

    def _joined(self, parts: Sequence[str], joint: str, names: bool) -> str | None:
        if len(parts) < 2:
            return None
        found = [self._find(part, names) for part in parts]
        return None if None in found else joint.join(map(str, found))

    def _sentences(self, text: str, names: bool) -> str | None:
        """Return the translation of sentences, of which some may stand in one text."""
        for gap in reversed([*SENTENCES.finditer(text)]):
            found = self._find(text[: gap.start()], names)
            further = None if found is None else self._find(text[gap.end() :], names)
            if found is not None and further is not None:
                return found + (" " if found.isascii() and further.isascii() else "") + further
        return None


def _balanced(text: str) -> bool:
    """Return whether each bracket of a text is closed in it, and each quote."""
    pairs = (("(", ")"), ("“", "”"))
    return all(text.count(first) == text.count(last) for first, last in pairs) and not re.match(
        r"[^(]*\)", text
    )


def _name(text: str) -> str | None:
    """Return a text that may be the name of something, or nothing."""
    return None if len(text) > LONGEST_NAME or SENTENCE.search(text) else text


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


_chosen = "en"


def choose(language: str) -> None:
    """Let this process show texts in a language.

    Raises:
        UserError: for a language that there is no catalogue of.
    """
    global _chosen
    check(language)
    _chosen = language


def check(language: str) -> None:
    """Raise `UserError` for a language that there is no catalogue of."""
    if language not in LANGUAGES:
        named = " or ".join(LANGUAGES)
        raise UserError(f"Expected the language {named}, got {language!r}: choose one of these.")


@contextlib.contextmanager
def spoken(language: str) -> Iterator[None]:
    """Let this process show texts in a language for a while."""
    before = _chosen
    choose(language)
    try:
        yield
    finally:
        choose(before)


def chosen() -> str:
    """Return the language that this process shows texts in."""
    return _chosen


def of_file(path: Path) -> str:
    """Return the language that a file's name tells, as in `README.zh.md`; without one, English."""
    told = path.suffixes[-2].removeprefix(".") if len(path.suffixes) > 1 else ""
    return told if told in LANGUAGES else "en"


@functools.cache
def catalogue(language: str) -> Catalogue:
    """Return the catalogue of a language other than English."""
    from babel.messages.pofile import read_po

    with (FOLDER / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language)
    return Catalogue({str(entry.id): str(entry.string) for entry in messages
                      if entry.id and entry.string and not entry.fuzzy})  # fmt: skip


def known(text: str) -> str:
    """Return the translation of a text, or the text itself, which may be data."""
    return _told(text, _chosen, "")


def translated(text: str, language: str | None = None) -> str:
    """Return the translation of a text that the author wrote; without one, it bears a mark."""
    return _told(text, language or _chosen, UNTRANSLATED)


def _told(text: str, language: str, mark: str) -> str:
    """Return the translation of a text or, without one, the text and a mark."""
    found = text if language == "en" else catalogue(language).find(text)
    return f"{text}{mark}" if found is None else found


def notebook(node: "nbformat.NotebookNode", language: str) -> "nbformat.NotebookNode":
    """Translate the prose of a notebook, in place, and return it."""
    for cell in node.cells:
        if cell.cell_type == "markdown" and language != "en":
            parts = (translated(part, language) for part in paragraphs(cell.source))
            cell.source = "\n\n".join(parts)
    return node


def write_notebooks(language: str, folder: Path | None = None) -> list[Path]:
    """Write the notebooks of the report in a language, and return their files.

    Args:
        language: one of `LANGUAGES`.
        folder: where to; by default a folder of the language in `build/`.

    Raises:
        UserError: for another language, or when the folder cannot be written.
    """
    import nbformat

    check(language)
    if not paths.NOTEBOOKS.is_dir():
        raise UserError(
            f"Expected the notebooks in {paths.NOTEBOOKS}, but there is no such folder: run the "
            "command in a clone of the repository."
        )
    folder = paths.BUILD / language / "notebooks" if folder is None else folder
    written = []
    for file in sorted(paths.NOTEBOOKS.glob("[0-9]*.ipynb")):
        node = notebook(nbformat.read(file, as_version=4), language)
        for cell in node.cells:
            if "parameters" in cell.metadata.get("tags", ()):
                cell.source = cell.source.replace('language = "en"', f'language = "{language}"')
        with paths.atomic_write(folder / file.name) as temporary:
            nbformat.write(node, temporary)
        written.append(folder / file.name)
    return written
