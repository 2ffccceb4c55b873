"""The page cuts and numbers words as Python does, on a hundred reviews and on odd texts."""

import sys
import unicodedata

import pytest
from live_page import give_modules, reviews

from lstm_report.data.prepared import encode
from lstm_report.data.tokens import SPECIAL, read_words
from lstm_report.training import shipped

ODD = [
    "", " \t\n", "Don't  STOP!Now...", "rock'n'roll 'tis ' 'quoted'", "a_b c-d e/f 3.5/10 100%",
    "two<br />lines<BR>and<br/>three< br>", "<b>bold</b> &amp; <script>alert(1)</script>",
    "<unk> <pad> <UNK>", "ΟΔΥΣΣΕΥΣ ΣΑΣ İstanbul ǅ ſ ß ẞ ﬁ", "naïve café nai\u0308ve cafe\u0301",
    "“quotes” — dashes – … ‘x’ l’eau", "好电影。真的 とても 영화 ดีมาก", "हिन्दी में עברית العربية",
    "👍👎 🤦🏽‍♀️ 🇩🇪 ☃️ 5️⃣", "x² ½ price Ⅷ №5 ①", 
    "zero\u200bwidth\u200djoin\ufeffmark soft\u00adhyphen", "\x00\x07 control",
    "a\u0085b\u00a0c\u2028d\u3000e\u1680f\x1cg\x1fh", "a" * 5_000, "word " * 3_000,
    "𝒻𝒶𝓃𝒸𝓎 𐐀𐐨", "Z̸̢a̶l̷g̴o̵", "<br\u00a0/> <br\u2003> <br\ufeff>", "it''s 'a''b' '' a'' 'b",
]  # fmt: skip


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    give_modules(page)
    return page


def test_a_hundred_reviews_and_odd_texts_become_the_words_of_python(page):
    texts = [*reviews(), *ODD]
    assert len(texts) >= 100
    cut = page.evaluate("texts => texts.map(modules.tokens.readWords)", texts)
    assert cut == [read_words(text) for text in texts]


@pytest.mark.parametrize("keep", ["tail", "head"])
def test_words_become_the_numbers_of_python(page, keep):
    model = shipped.read()["lstm"]
    data = type(model.config.data)(max_length=model.config.data.max_length, keep=keep)
    texts = [*reviews(), *filter(str.strip, ODD)]
    settings = {"unknown": 1, "length": data.max_length, "keep": keep}
    made = page.evaluate(
        """([texts, words, special, settings]) => {
          const vocabulary = new Map(words.map((word, k) => [word, k + special]));
          return texts.map(text => modules.tokens.encode(text, {...settings, vocabulary}));
        }""",
        [texts, model.words, len(SPECIAL), settings],
    )
    expected = [row.tolist() for row in encode(model.load_tokenizer(), texts, data)]
    assert [entry["numbers"] for entry in made] == expected
    assert any(entry["left"] for entry in made)
    for text, entry in zip(texts, made, strict=True):
        assert len(entry["words"]) + entry["left"] == len(read_words(text))


def test_every_character_is_a_part_of_a_word_a_mark_or_white_space_as_in_python(page):
    """All that this version of Python knows: browsers know new characters before the library."""
    known = [
        chr(number)
        for number in range(sys.maxunicode + 1)
        if unicodedata.category(chr(number)) not in ("Cn", "Cs", "Co")
    ]
    texts = [f"a{letter}a {letter}" for letter in known]
    cut = page.evaluate("texts => texts.map(modules.tokens.readWords)", texts)
    assert len(known) > 140_000
    assert [text for text, words in zip(texts, cut, strict=True) if words != read_words(text)] == []
