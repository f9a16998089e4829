"""Sub-detectors: one question each, one file each, all with the same contract."""
