"""Train and evaluate a Keras LSTM on JAX, once for each line on standard input.

Usage: keras_worker.py REVIEWS.npz SETTINGS (JSON), see `peers.Process`

As people write it: reviews padded to one length at the end, with the padding masked. Keras
compiles the step of training with XLA. In float32, as `mixed_bfloat16` takes four times as long.
"""

import json
import os
import sys

settings = json.loads(sys.argv[2])
if hasattr(os, "sched_setaffinity"):  # as many threads as PyTorch has
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: settings["threads"]])
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the libraries print is no answer

import keras  # noqa: E402
import numpy as np  # noqa: E402

model = keras.Sequential(
    [
        keras.layers.Embedding(settings["vocabulary"], settings["embedding"], mask_zero=True),
        keras.layers.LSTM(settings["hidden"]),
        keras.layers.Dropout(settings["dropout"]),
        keras.layers.Dense(1),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(settings["learning_rate"], global_clipnorm=settings["clip"]),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=["accuracy"],
    jit_compile=True,
)
with np.load(sys.argv[1]) as arrays:
    train, _, train_y, test, _, test_y = (arrays[f"arr_{k}"] for k in range(6))
for _ in sys.stdin:
    model.fit(train, train_y, batch_size=settings["batch"], epochs=1, verbose=0)
    model.evaluate(test, test_y, batch_size=settings["batch"], verbose=0)
    answers.write("done\n")
    answers.flush()
