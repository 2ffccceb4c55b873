from .intervals import MARGIN as MARGIN
from .intervals import calibration as calibration
from .intervals import expected_calibration_error as expected_calibration_error
