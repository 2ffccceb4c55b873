from .gates import follow_gates as follow_gates
from .gates import gate_trace as gate_trace
from .gradients import KINDS as KINDS
from .gradients import decay_per_step as decay_per_step
from .gradients import gradient_by_distance as gradient_by_distance
from .gradients import initial_parameters as initial_parameters
from .gradients import largest_hidden_state as largest_hidden_state
