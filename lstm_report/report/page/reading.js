// What a model would say after each word of a text, and from which parts.

import { STEPS, sigmoid } from "./cells.js";

const product = (w, v) => w.reduce((total, value, k) => total + value * v[k], 0);
const mean = (v) => v.reduce((total, value) => total + Math.abs(value), 0) / v.length;

/**
 * Return the state of a model that has read one more token, from its state before (none at first).
 *
 * The logit is w·h + b = w·m + w·F(x) + b; `means` holds those over the hidden units of i, f and o
 * and of the absolute values of g, c, m, F and h.
 */
export function readOn(model, before, token, gates) {
  const zero = new Float64Array(model.H);
  const { h, c } = before ?? { h: zero, c: zero };
  const step = { F: zero, ...STEPS[model.kind](model.embedding(token), h, c, model.cell, gates) };
  const [fromM, fromF] = [product(model.w, step.m), product(model.w, step.F)];
  const logit = fromM + fromF + model.bias;
  const named = [...gates, "c", "m", "F", "h"].map((name) => [name, mean(step[name])]);
  return {
    token,
    h: step.h,
    c: step.c,
    logit,
    probability: sigmoid(logit),
    fromM,
    fromF,
    means: Object.fromEntries(named),
  };
}

/** Return the steps of each model that hold for new numbers too: those of the same beginning. */
export function alreadyRead({ numbers, readings }, wanted) {
  const other = wanted.findIndex((number, k) => number !== numbers[k]);
  return readings.map((steps) => steps.slice(0, other < 0 ? wanted.length : other));
}
