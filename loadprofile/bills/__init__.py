"""Bills: tables of features and categories per customer become calibrated odds of fraud, with reasons."""
