// The shipped models: from the bytes in the page to the weights by their names.

/** Return the bytes of a text in base 64 that were packed with gzip. */
export async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const TYPES = { I8: Int8Array, F32: Float32Array };

/** Return the arrays of a file of safetensors by name, each with `values` and `shape`. */
export function tensors(buffer) {
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(buffer.slice(8, start)));
  const arrays = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = data_offsets.map((offset) => start + offset);
    arrays[name] = { values: new TYPES[dtype](buffer.slice(from, to)), shape };
  }
  return arrays;
}

/** Return row k of a matrix: q_k · s_k in float32, see `lstm_report/training/shipped.py`. */
function row({ values, shape: [, columns] }, { values: scale }, k) {
  const numbers = values.subarray(k * columns, (k + 1) * columns);
  return Float64Array.from(numbers, (number) => Math.fround(number * scale[k]));
}

/** Return a model of the given kind from the arrays of its file. */
export function modelOf(kind, arrays) {
  const scales = (name) => arrays[`${name}.scale`];
  const whole = (name) => {
    const matrix = arrays[name];
    if (!matrix) return null;
    const [rows, columns] = matrix.shape;
    const made = new Float64Array(rows * columns);
    for (let k = 0; k < rows; k++) made.set(row(matrix, scales(name), k), k * columns);
    return made;
  };
  const vector = (name) => Float64Array.from(arrays[name].values);
  const bias_hh = vector("recurrent.bias_hh_l0");
  return {
    kind,
    embedding: (token) => row(arrays["embedding.weight"], scales("embedding.weight"), token),
    cell: {
      W_x: whole("recurrent.weight_ih_l0"),
      W_h: whole("recurrent.weight_hh_l0"),
      W_res: whole("recurrent.weight_res_l0"),
      b: vector("recurrent.bias_ih_l0").map((value, k) => value + bias_hh[k]),
    },
    H: arrays["classifier.weight"].shape[1],
    w: vector("classifier.weight"),
    bias: arrays["classifier.bias"].values[0],
  };
}
