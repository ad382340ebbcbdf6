"""The mind: pure functions from what is known to what should be done. Imports market alone."""
