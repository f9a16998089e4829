"""Learning: what visits found -> a challenger, and the contest that it has to win against the champion.

weighing   how much a visit counts that was made with a known probability
verified   verdicts from visits as cases, beside the emulated ones; homes that are kept aside
contest    two models on the same cases, with intervals; which of them is better beyond the noise
"""
