// The equations: one time step of each cell, by the names of `lstm_report/models/cells.py`.
//
// Shapes: I input size, H hidden size. x is (I); h, c and every gate are (H). A matrix is kept row
// by row: W_x (4H, I), W_h (4H, H), W_res (H, I) or null for the identity; b is (4H), the sum of
// both biases. `gates` is the order of the gates in these rows, as Python declares it.

/** Return the logistic sigmoid of z, in (0, 1). */
export function sigmoid(z) {
  return 1 / (1 + Math.exp(-z));
}

/** Return `start` + W v, of as many numbers as `start` has. */
function plusProduct(start, W, v) {
  return start.map((value, row) => {
    let total = value;
    for (let k = 0, at = row * v.length; k < v.length; k++, at++) total += W[at] * v[k];
    return total;
  });
}

/** Return one step of an LSTM: the gates i, f, g, o, the cell state c, m = o ⊙ tanh(c), h = m. */
export function lstmStep(x, h, c, { W_x, W_h, b }, gates) {
  const a = plusProduct(plusProduct(b, W_x, x), W_h, h);
  const H = h.length;
  const block = (name) => a.slice(gates.indexOf(name) * H, (gates.indexOf(name) + 1) * H);
  const [i, f, o] = ["i", "f", "o"].map((name) => block(name).map(sigmoid));
  const g = block("g").map(Math.tanh);
  const c_t = c.map((kept, k) => f[k] * kept + i[k] * g[k]);
  const m = c_t.map((state, k) => o[k] * Math.tanh(state));
  return { i, f, g, o, c: c_t, m, h: m };
}

/** Return the residual F(x): x itself, or W_res x where there is a W_res. */
export function residual(x, { W_res }, H) {
  return W_res ? plusProduct(new Float64Array(H), W_res, x) : x;
}

/** Return one step of the residual LSTM: an LSTM step with h = m + F(x), and F. */
export function residualLstmStep(x, h, c, parameters, gates) {
  const step = lstmStep(x, h, c, parameters, gates);
  const F = residual(x, parameters, h.length);
  return { ...step, F, h: step.m.map((m, k) => m + F[k]) };
}

/** The step of each kind of model that the page can run. */
export const STEPS = { lstm: lstmStep, reslstm: residualLstmStep };

/** Return the weighted sum that gives a gate this value. */
function inverse(name, value) {
  return name === "g" ? Math.atanh(value) : Math.log(value) - Math.log1p(-value);
}

/**
 * Return the steps of an LSTM cell of one unit whose gates are set by hand, from a cell state c.
 *
 * As in `follow_gates`, the weights are zero and the biases such that `lstmStep` computes the
 * wanted values: i, f and o from 0 to 1, g from -1 to 1.
 */
export function followGates(wanted, c, gates) {
  const zero = new Float64Array(1);
  const W = new Float64Array(gates.length);
  let state = Float64Array.of(c);
  return wanted.map((values) => {
    const b = Float64Array.from(gates, (name) => inverse(name, values[name]));
    const step = lstmStep(zero, zero, state, { W_x: W, W_h: W, b }, gates);
    state = step.c;
    return step;
  });
}
