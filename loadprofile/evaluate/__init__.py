"""Offline evaluation: splits, protocols, metrics, baselines, reports."""
