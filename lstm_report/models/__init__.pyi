from .cells import gated_residual_lstm_step as gated_residual_lstm_step
from .cells import lstm_step as lstm_step
from .cells import residual_lstm_step as residual_lstm_step
from .cells import rnn_step as rnn_step
from .classifier import SentimentClassifier as SentimentClassifier
from .layers import LSTM as LSTM
from .layers import ResLSTM as ResLSTM
from .layers import cell_parameters as cell_parameters
