"""From what was written down to figures: ranking, calibration, exposure, intervals."""
