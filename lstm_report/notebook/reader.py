"""The figure in which the two shipped models read a text, and what its live part is told."""

from lstm_report.config import GATES, UNK
from lstm_report.errors import UserError
from lstm_report.figures import style
from lstm_report.notebook import display

EXAMPLES = (
    "Although the acting was wonderful, the plot was not.",
    "Although the plot was not convincing, the acting was wonderful.",
    "A slow start, but what an ending!",
    "I wanted to like this film. The music is lovely and the cast is great, but it never comes to "
    "life.",
    "Not bad at all: I laughed, I cried, and I would see it again.",
    "The first hour is a masterpiece. The second is the worst thing I have seen in years.",
    "Everybody told me that it was terrible and boring. They were wrong.",
    "It is hardly the great film that they promised, and yet it is never dull.",
)
"""Sentences of our own; the first is the one that is drawn."""


def show_reader() -> None:
    """Display what each shipped model says after each word of a sentence.

    On the page of the report, any text can be typed in the figure's place.

    Raises:
        UserError: when there are no shipped models.
    """
    from lstm_report.analysis.gates import read_along
    from lstm_report.data.prepared import encode
    from lstm_report.data.tokens import SPECIAL, read_words
    from lstm_report.figures.training import word_by_word
    from lstm_report.training import shipped

    pair = shipped.read()
    readings, models = {}, []
    for kind, entry in pair.items():
        (tokens,) = encode(entry.load_tokenizer(), [EXAMPLES[0]], entry.config.data)
        readings[kind] = read_along(entry.load_model(), tokens)["probability"].tolist()
        models.append({"kind": kind, "name": style.name_of(kind), "residual": kind == "reslstm"})
    words = read_words(EXAMPLES[0])
    data = next(iter(pair.values())).config.data
    if len(words) > data.max_length:
        raise UserError("Expected models that read the whole sentence: ship others.")
    ends = " and ".join(f"{readings[kind][-1]:.2f} ({style.name_of(kind)})" for kind in readings)
    display.say(
        "{pair} Weights are kept as whole numbers of one byte with a scale for each row; as "
        "trained, the models classify {recorded} of the same reviews correctly, and this form "
        "changes the verdict on {changed} of them.",
        pair=shipped.in_words(pair),
        recorded=" and ".join(f"{entry.about['recorded_accuracy']:.2%}" for entry in pair.values()),
        changed=" and ".join(f"{entry.about['changed']:,}" for entry in pair.values()),
    )
    display.show_figure(
        word_by_word(words, readings),
        label="reader",
        caption=f"What the shipped models say after each word of *“{EXAMPLES[0]}”*: the "
        f"probability that the review so far is positive, in the end {ends}. In the HTML page, any "
        "text can be typed here.",
        alt="Two lines over the words of the sentence, one for each model, around a line at 1/2.",
        live={
            "part": "reader",
            "models": models,
            "gates": GATES,
            "special": len(SPECIAL),
            "unknown": UNK,
            "length": data.max_length,
            "keep": data.keep,
            "examples": EXAMPLES,
        },
    )
