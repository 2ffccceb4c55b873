"""Words are cut, counted and numbered as the kept tokeniser does, and none is read as padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import trainers

from lstm_report.config import PAD, DataConfig
from lstm_report.data import synthetic, tokens
from lstm_report.data.prepared import encode
from lstm_report.data.tokens import SPECIAL, Numbering, read_words

CONFIG = DataConfig(max_length=40, min_frequency=1)


def tokenizer_for(texts, config=CONFIG):
    """The tokeniser whose vocabulary are the most frequent tokens of the texts."""
    numbering = Numbering()
    return numbering.tokenizer(numbering.read(texts), config)


TOKENIZER = tokenizer_for(["The plot <BR /> isn't bad, it's the plot."])


@given(st.text() | st.sampled_from(["<pad>", "a <unk> b", "<PAD><pad>"]))
def test_no_text_reads_as_padding(text):
    (row,) = encode(TOKENIZER, [text], CONFIG)
    assert len(row) >= 1 and (row > PAD).all()


def library_words(text):
    """The words as the library cuts them, whatever is in `tokens.ALIKE`."""
    cutter = tokens.tokenizer_of([])
    pieces = cutter.pre_tokenizer.pre_tokenize_str(cutter.normalizer.normalize_str(text))
    return [piece for piece, _ in pieces]


@given(st.text() | st.text(st.characters(max_codepoint=0x2FF)))
def test_words_are_cut_as_the_tokeniser_cuts_them(text):
    assert read_words(text) == library_words(text)


def test_python_and_the_library_agree_on_every_character_of_alike_texts():
    """Words, marks, white space and lower case belong to single characters, so to all texts."""
    alike = [c for c in map(chr, range(0x110000)) if tokens.ALIKE.fullmatch(c)]
    assert len(alike) > 700 and tokens.ALIKE.fullmatch("“Déjà vu” – so-so…")
    for character in alike:
        text = f"a{character}b'{character}'"
        assert read_words(text) == library_words(text), hex(ord(character))
    assert not tokens.ALIKE.fullmatch("I\u0307") and not tokens.ALIKE.fullmatch("ΟΔΟΣ")


def test_the_vocabulary_is_the_one_that_the_library_counts():
    odd = ["é É e\u0301 zz zz b b <br/> a a ' '", *["<br>"] * 4]
    texts = [*synthetic.write_reviews(80, seed=3).texts, *odd]
    for size, least in ((7, 1), (60, 1), (60, 3), (5_000, 2)):
        library = tokens.tokenizer_of([])
        trainer = trainers.WordLevelTrainer(
            vocab_size=size - 2, min_frequency=least, show_progress=False
        )
        library.train_from_iterator(texts, trainer)
        ours = tokenizer_for(texts, DataConfig(vocabulary_size=size, min_frequency=least))
        found = {word: number - 2 for word, number in ours.get_vocab().items()}
        del found["<pad>"], found["<unk>"]
        assert found == library.get_vocab()


def test_breaks_in_any_case_are_no_words():
    assert set(TOKENIZER.get_vocab()) == {
        *SPECIAL,
        *("the", "plot", "isn't", "bad", ",", "it's", "."),
    }


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_vocabulary_keeps_to_its_size(size):
    tokenizer = tokenizer_for(["a a a b b c"], DataConfig(vocabulary_size=size, min_frequency=1))
    assert tokenizer.get_vocab_size() == max(2, size)
    assert [tokenizer.id_to_token(k) for k in range(max(2, size))] == [
        *SPECIAL,
        "a",
        "b",
        "c",
    ][: max(2, size)]


def test_breaks_apostrophes_ends_and_empty_texts():
    config = DataConfig(max_length=3, min_frequency=1)
    tokenizer = tokenizer_for(["Don't<br />stop, now"] * 2, config)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    assert set(vocabulary[2:]) == {"don't", "stop", ",", "now"}

    def read(text, **changes):
        (row,) = encode(tokenizer, [text], DataConfig(max_length=3, **changes))
        return [vocabulary[k] for k in row]

    assert read("don't stop , now") == ["stop", ",", "now"]
    assert read("don't stop , now", keep="head") == ["don't", "stop", ","]
    assert read(" ") == ["<unk>"]
    assert read("other") == ["<unk>"]
