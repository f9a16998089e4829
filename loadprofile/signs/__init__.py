"""Signs that several sub-detectors ask for: what feeder totals, further inputs and exact traces show."""
