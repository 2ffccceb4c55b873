from .intervals import MARGIN as MARGIN
from .intervals import accuracy_by as accuracy_by
from .intervals import calibration as calibration
from .intervals import expected_calibration_error as expected_calibration_error
from .intervals import mcnemar as mcnemar
from .intervals import paired_difference as paired_difference
from .intervals import quantile_edges as quantile_edges
