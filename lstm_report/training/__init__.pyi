from .baselines import linear_baseline as linear_baseline
from .loop import fit as fit
from .losses import compare as compare
from .losses import cross_entropy as cross_entropy
from .losses import cross_entropy_from_logits as cross_entropy_from_logits
from .runs import read_run as read_run
