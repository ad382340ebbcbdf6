"""A simulated venue with faults: its own order list is the oracle of every test of the way to a venue."""
