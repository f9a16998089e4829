"""Classifiers, detectors, calibration and the cut for a number of visits."""
