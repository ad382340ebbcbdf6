"""The corpus of planted leaks and of clean studies, and what the checks make of it."""
