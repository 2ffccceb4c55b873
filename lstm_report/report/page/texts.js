// What the live parts of the page say, in the language of the page.

const block = document.getElementById("texts");
const TEXTS = block ? JSON.parse(block.textContent) : {};

/** Return a text in the page's language, its fields {0}, {1}, … filled with values. */
export function say(text, ...values) {
  return (TEXTS[text] ?? text).replace(/\{(\d)\}/g, (_, number) => values[number]);
}
