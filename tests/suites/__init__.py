"""What the suites with real clients, NATs and browsers are made of.

A suite has `tests/` on its path for this package, and `experiments/clients/` for how real clients are set up.
"""
