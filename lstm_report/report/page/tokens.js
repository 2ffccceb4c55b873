// From a text to the words that a model reads, cut as `lstm_report/data/tokens.py` cuts them.

// Letters, marks, digits and joining signs, and the raised digits and fractions that the tokeniser
// of the models takes for parts of words.
const PART = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\u00b2\u00b3\u00b9\u00bc\u00bd\u00be]";
const SPACE = "[\\t-\\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";
const BREAK = new RegExp(`<br${SPACE}*/?>`, "gu");
// A word with its inner apostrophes, or a single mark; the separators U+001C to U+001F are neither.
const WORD = new RegExp(`${PART}+(?:'${PART}+)*|(?!${SPACE})[^\\x1c-\\x1f]`, "gu");

/** Return the words of a text, in lower case; a line break of HTML becomes a space. */
export function readWords(text) {
  // Letter by letter, as the tokeniser does: a final sigma is then like any other.
  const lower = Array.from(text, (letter) => letter.toLowerCase()).join("");
  return lower.replace(BREAK, " ").match(WORD) ?? [];
}

/**
 * Return what a model reads of a text: the words that are kept and their numbers.
 *
 * `vocabulary` is a Map from word to number, and `unknown` the number of all other words. Of more
 * than `length` words those at the end are read where `keep` is "tail", else those at the beginning.
 */
export function encode(text, { vocabulary, unknown, length, keep }) {
  const all = readWords(text);
  const words = keep === "tail" ? all.slice(-length) : all.slice(0, length);
  const numbers = words.map((word) => vocabulary.get(word) ?? unknown);
  return { words, numbers, left: all.length - words.length };
}
