"""What the source report states: its figures, and its twelve claims in English."""

ACCURACY = {"lstm": 0.8145, "reslstm": 0.8030}
"""Test accuracy of each model, from one run each."""
BEST_EPOCH = 14
"""The epoch at which both models were at their best."""
CLAIMS = {
    "C1": "The LSTM beats the residual LSTM by 1.15 points on IMDB in this setting.",
    "C2": "Both are at their best at epoch 14.",
    "C3": "Both training curves converge, stably.",
    "C4": "The cell state passes information through time nearly unchanged: its linear path keeps "
    "memory. Plain RNNs lose it.",
    "C5": "In an LSTM gradients still fade over many time steps and layers; the residual shortcut "
    "lets them flow back directly and eases the fading.",
    "C6": "Stacked LSTMs saturate or degrade as layers are added; the residual form is easier to "
    "optimise at depth.",
    "C7": "Low-level input features are drowned over time steps; the additive path lets the "
    "network keep shallow and deep features together.",
    "C8": "LSTMs struggle with long-distance relations such as “although … but …”; the residual "
    "path shortens the information path and recognises them better.",
    "C9": "IMDB sentiment rests mainly on local features, words such as “great performance” or "
    "“terrible plot”, and needs little long-range memory.",
    "C10": "In a single layer the residual path is redundant and lowers parameter efficiency "
    "slightly.",
    "C11": "Binary cross-entropy punishes confident wrong predictions far more than it rewards "
    "right ones, and its gradient grows with the error.",
    "C12": "A more advanced structure does not suit every task; adding complexity blindly can "
    "hurt.",
}
