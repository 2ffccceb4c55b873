// What is shown of the words that the models have read: one word, and all of them.

import { element, written } from "./dom.js";
import { say } from "./texts.js";

const isPositive = (step) => step.probability > 0.5;
const areApart = (steps) => new Set(steps.map(isPositive)).size > 1;
const signed = (value) => `${value > 0 ? "+" : ""}${written(value)}`;
const symbol = (name) => element("var", {}, name);
const mean = (name) => [say("mean |"), symbol(name), "|"];

/** Return a row of the table of one word: a name, and a value for each model or null. */
function row(name, values, { share = false, form = written } = {}) {
  const cells = values.map((value) => {
    const text = value === null ? "–" : form(value);
    const made = element("td", { class: share ? "share" : null }, element("span", {}, text));
    made.style.setProperty("--p", value);
    return made;
  });
  return element("tr", {}, element("th", { scope: "row" }, ...[name].flat()), ...cells);
}

/** Return what the models do at word k, as the rows of a table. */
export function atWord(readings, k, models) {
  const now = readings.map((steps) => steps[k]);
  const before = readings.map((steps) => steps[k - 1]?.probability ?? null);
  const change = now.map((step, m) => (before[m] === null ? null : step.probability - before[m]));
  const means = (name) => now.map((step) => step.means[name]);
  const ofResidual = (values) => values.map((value, m) => (models[m].residual ? value : null));
  const probabilities = now.map((step) => step.probability);
  const logits = now.map((step) => step.logit);
  const share = { share: true };
  return [
    row(say("P(positive) after this word"), probabilities, share),
    row(say("change by this word"), change, { form: signed }),
    row([say("input gate "), symbol("i")], means("i"), share),
    row([say("forget gate "), symbol("f")], means("f"), share),
    row([say("output gate "), symbol("o")], means("o"), share),
    row([say("candidate, "), ...mean("g")], means("g"), share),
    row([say("cell state, "), ...mean("c")], means("c")),
    row([say("hidden state, "), ...mean("h")], means("h")),
    row([say("– its part "), symbol("o"), " ⊙ tanh(", symbol("c"), ")"], means("m")),
    row([say("– its residual part "), symbol("F(x)")], ofResidual(means("F"))),
    row("logit", logits),
    row([say("– from the residual part "), symbol("F(x)")], ofResidual(now.map((step) => step.fromF))),
  ];
}

/** Return a word to click on, with a bar for each model from 1/2 to its probability. */
export function wordButton({ word, known, now }, models, click) {
  const apart = areApart(now);
  const told = now.map((step, m) => `${models[m].name} ${written(step.probability)}`);
  const label = `${word}: ${told.join(say(", "))}${apart ? say(", they disagree") : ""}`;
  const bars = now.map((step, m) => {
    const bar = element("i", { class: `lean ${models[m].kind}` });
    bar.style.setProperty("--p", step.probability);
    return bar;
  });
  const classes = `word${apart ? " apart" : ""}${known ? "" : " unknown"}`;
  const attributes = { type: "button", tabindex: -1, class: classes, "aria-label": label, click };
  return element("button", attributes, element("span", {}, word), ...bars);
}

/** Return in words how the readings end and where they disagree. */
export function summary(words, readings, models) {
  const ends = readings.map((steps, m) => {
    const last = steps.at(-1);
    const label = isPositive(last) ? say("positive") : say("negative");
    return say("the {0} at {1}, {2}", models[m].name, written(last.probability), label);
  });
  const at = words.map((_, k) => readings.map((steps) => steps[k]));
  const apart = at.map(areApart);
  const count = apart.filter(Boolean).length;
  const gaps = at.map(([one, other]) => Math.abs(one.probability - other.probability));
  const widest = gaps.indexOf(Math.max(...gaps));
  const both = at[widest].map((step) => written(step.probability)).join(say(" and "));
  const too = apart.at(-1) ? say(", the last too") : "";
  const where = count
    ? say("They disagree after {0} of {1} words{2}", count, words.length, too)
    : say("They agree after every word");
  return say(
    "P(positive) ends for {0}. {1}; they are furthest apart after “{2}”, {3}.",
    ends.join(say(", and for ")), where, words[widest], both,
  );
}

/** Return what is to be known of the words that were read, of a vocabulary of `size` words. */
export function ofReading({ left, numbers }, { keep, length, special, unknown }, size) {
  const count = numbers.filter((number) => number === unknown).length;
  const known = (size + special).toLocaleString("en");
  const cut =
    keep === "tail"
      ? say(" Only the last {0} words are read; {1} more are left out.", length, left)
      : say(" Only the first {0} words are read; {1} more are left out.", length, left);
  const outside = say(
    " Words in italics, {0} here, are not among the {1} that the models know; they read each as " +
      "one and the same unknown word.",
    count, known,
  );
  const bars = say(
    "The bars under a word reach from the middle to the right the more the model takes the review " +
      "so far for a positive one, and to the left the more for a negative one; a frame marks " +
      "where the two disagree.",
  );
  return bars + (left ? cut : "") + (count ? outside : "");
}
