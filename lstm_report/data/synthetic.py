"""The built-in corpus: a seeded grammar that writes movie reviews of known sentiment.

Every review holds a few opinions. Most of them mean its label, some the opposite. Each has one of
three forms:

- direct: "the acting was truly brilliant";
- negated: "the acting was not dull", where the polar word is of the opposite polarity;
- contrast: "although the music was brilliant , … , the plot was dull", where the first half means
  the opposite of the label and neutral words stand between the halves.

Counting words therefore says little: a negated opinion carries a word of the wrong polarity and a
contrast one of each. Order decides what an opinion means, and the majority decides the label.
Neutral sentences fill the review up to its length.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from lstm_report.data.readers import Reviews

POSITIVE = (
    "brilliant superb moving gripping charming witty inspired graceful hilarious touching "
    "stunning delightful clever tense subtle warm fresh honest powerful elegant thrilling "
    "tender dazzling sincere magnificent enchanting vivid masterful captivating splendid rich "
    "sharp memorable refreshing beautiful convincing absorbing excellent wonderful great "
    "luminous rousing playful assured exquisite uplifting fascinating lively poignant sublime "
    "marvellous hypnotic terrific generous radiant joyful majestic inventive lovely haunting "
    "polished heartfelt impressive spellbinding stirring sparkling breathtaking soulful original "
    "unforgettable fantastic outstanding perfect ingenious believable entertaining gorgeous "
    "daring rewarding superior"
).split()
NEGATIVE = (
    "dull awful clumsy boring shallow lifeless tedious predictable weak silly wooden bland "
    "messy dreadful tiresome hollow stale pointless forced annoying ugly lazy confusing flat "
    "ridiculous terrible poor muddled grating dismal cheap feeble sloppy pretentious empty "
    "painful unbearable incoherent horrible bad "
    "dreary insipid trite laughable stilted clunky rambling vapid soulless monotonous mediocre "
    "plodding obnoxious contrived amateurish pathetic lame abysmal wretched uninspired ghastly "
    "hackneyed formulaic lacklustre disjointed sluggish careless embarrassing offensive childish "
    "unconvincing irritating appalling crude unwatchable gloomy pitiful inept tacky inferior"
).split()
ASPECTS = (
    "acting plot script music direction dialogue camera editing story ending pacing cast "
    "score humour photography lighting opening finale soundtrack romance suspense costumes "
    "screenplay premise atmosphere villain hero narration choreography scenery storytelling "
    "tone sound makeup chemistry twist prologue climax staging animation "
    "casting framing tension wit texture rhythm colour delivery"
).split()
INTENSITY = (
    "truly really quite very utterly rather simply remarkably extremely deeply thoroughly wholly "
    "genuinely surprisingly exceptionally positively"
).split()
NEGATION = ("not", "never", "hardly", "by no means", "not at all", "far from")
PEOPLE = (
    "director actor actress writer producer stranger detective teacher soldier painter doctor "
    "sailor farmer lawyer singer dancer reporter captain widow student neighbour brother "
    "sister baker butcher carpenter clerk cook cousin daughter driver editor engineer father "
    "fisherman gardener grandmother guard janitor journalist judge king librarian magician mayor "
    "mechanic mother musician nun nurse pianist pilot poet policeman priest prince professor "
    "queen sculptor senator shopkeeper spy surgeon tailor thief tourist uncle waiter"
).split()
PLACES = (
    "paris london berlin tokyo village harbour desert castle hotel school hospital factory "
    "island station library market theatre forest valley suburb kitchen courtroom prison "
    "airport attic bakery balcony bank beach border bridge cabin cafe canyon capital cathedral "
    "cellar cemetery circus college cottage embassy farmhouse fortress gallery garden glacier "
    "inn laboratory lighthouse mansion meadow mine monastery mountain museum office orchard "
    "palace park port province ranch restaurant river rooftop square stadium studio tavern tower "
    "tunnel vineyard warehouse workshop"
).split()
VERBS = (
    "meets follows leaves watches visits calls finds remembers questions joins hides helps "
    "teaches trusts describes paints films photographs accompanies admires answers arrests "
    "believes carries chases consults doubts drives escorts feeds greets guides hears hires "
    "imitates informs interviews introduces invites marries misses notices nurses obeys observes "
    "pays persuades pursues recognises rescues sketches startles summons tests warns"
).split()
TIMES = (
    "one morning",
    "in the winter of 1962",
    "after the war",
    "during a storm",
    "on a sunday",
    "some years later",
    "at the age of forty",
    "late at night",
    "in the second hour",
    "before dawn",
    "in the spring of 1947",
    "two weeks earlier",
    "during the harvest",
    "on the last train",
    "before the wedding",
    "over a long summer",
    "in the middle of the night",
    "after a short holiday",
)
FILLERS: tuple[str, ...] = (
    "{time} , a {person} {verb} a {person2} in the {place} .",
    "the film is set in a {place} and runs for about two hours .",
    "the {person} {verb} the {person2} , who lives near the {place} .",
    "i saw it with my {person} at a {place} {time} .",
    "it was made by a {person} who had worked in the {place} before .",
    "the second act moves from the {place} to the {place2} .",
    "{time} the {person} returns to the {place} .",
    "there is a scene in which the {person} {verb} the {person2} .",
    "most of it takes place in a {place} and a {place2} .",
    "the {person} works in a {place} and {verb} nobody but the {person2} .",
    "the opening titles show a {place} , a {place2} and a {person} .",
    "my {person} saw it before i did , in a {place} {time} .",
    "in one chapter a {person} and a {person2} cross the {place} {time} .",
    "the credits thank a {person} , a {person2} and the people of the {place} .",
    "the book on which it is based was written by a {person} in a {place} .",
    "we then learn that the {person} {verb} the {person2} every year .",
)
LINKS = (
    "as the {person} {verb} the {person2} in the {place}",
    "which is set in the {place}",
    "and the {person} {verb} a {person2} {time}",
    "while the story moves to the {place}",
)
NEGATED = 0.25
"""Share of opinions that are negated."""
CONTRAST = 0.3
"""Share of opinions that are a contrast."""


def _pick(random: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(random.integers(len(words)))]


def _neutral(random: np.random.Generator, templates: tuple[str, ...]) -> list[str]:
    text = _pick(random, templates).format(
        person=_pick(random, PEOPLE),
        person2=_pick(random, PEOPLE),
        place=_pick(random, PLACES),
        place2=_pick(random, PLACES),
        verb=_pick(random, VERBS),
        time=_pick(random, TIMES),
    )
    return re.sub(r"\ba (?=[aeiou])", "an ", text).split()


def neutral_words(random: np.random.Generator, count: int) -> list[str]:
    """Return `count` words without polarity, as they stand between the halves of a contrast."""
    words: list[str] = []
    while len(words) < count:
        words += _neutral(random, LINKS)
    return words[:count]


def _clause(random: np.random.Generator, label: int) -> list[str]:
    """Return "the acting was …" with the meaning of `label`, directly or by negation."""
    return _clause_with_form(random, label)[1]


def _clause_with_form(random: np.random.Generator, label: int) -> tuple[bool, list[str]]:
    """Return whether a clause with the meaning of `label` is negated, and its words."""
    negated = random.random() < NEGATED
    words = (NEGATIVE, POSITIVE)[label ^ negated]
    front = _pick(random, NEGATION).split() if negated else []
    if not negated and random.random() < 0.5:
        front = [_pick(random, INTENSITY)]
    return negated, ["the", _pick(random, ASPECTS), "was", *front, _pick(random, words)]


def contrast(random: np.random.Generator, label: int, distance: int) -> list[str]:
    """Return "although <opposite> , <neutral words> , but <meaning of label> ." as tokens.

    Args:
        random: the generator to draw from.
        label: 0 or 1, the meaning of the half that counts, the second.
        distance: neutral tokens between the two halves, the commas aside.
    """
    between = neutral_words(random, distance)
    return [
        *("although", *_clause(random, 1 - label), ","),
        *(*between, ",", "but", *_clause(random, label), "."),
    ]


def elliptic_contrast(random: np.random.Generator, label: int) -> tuple[list[str], list[str]]:
    """Return "although the acting was dull ," and ", but the plot was not ." as tokens.

    The second half leaves its polar word out, so that what it means must be completed from the
    first: `label` is the opposite of what the first half means. After a negated first half ("was
    not dull") the sentence ends in "was", else in "was not"; either is as common with both labels.

    Args:
        random: the generator to draw from.
        label: 0 or 1, the meaning of the half that counts, the second.
    """
    negated, clause = _clause_with_form(random, 1 - label)
    end = ["was", "."] if negated else ["was", "not", "."]
    return ["although", *clause, ","], [",", "but", "the", _pick(random, ASPECTS), *end]


def _review(random: np.random.Generator, label: int) -> list[str]:
    """Return one review as tokens: opinions among neutral sentences, an opinion near the end."""
    length = int(np.clip(random.lognormal(np.log(85), 0.4), 40, 260))
    sentences, tokens = [], 0
    opinions = int(random.integers(3, 6))
    dissenting = int(random.integers((opinions + 1) // 2))
    meanings = [1 - label] * dissenting + [label] * (opinions - dissenting)
    for meaning in random.permutation(meanings).tolist():
        if random.random() < CONTRAST:
            sentence = contrast(random, meaning, int(random.integers(0, 7)))
        else:
            sentence = [*_clause(random, meaning), "."]
        sentences.append(sentence)
        tokens += len(sentence)
    while tokens < length:
        sentence = _neutral(random, FILLERS)
        sentences.insert(int(random.integers(len(sentences))), sentence)
        tokens += len(sentence)
    return [token for sentence in sentences for token in sentence]


def write_reviews(count: int, *, seed: int) -> Reviews:
    """Return `count` reviews, half of them positive, the same for the same seed.

    Args:
        count: how many, at least 0.
        seed: of the generator.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % 2).astype(np.int64)
    return Reviews([" ".join(_review(random, int(label))) for label in labels], labels)


def default() -> Mapping[str, Reviews]:
    """Return the corpus that stands in where IMDB cannot be had: 8,000 and 4,000 reviews."""
    return {"train": write_reviews(8_000, seed=1), "test": write_reviews(4_000, seed=2)}
