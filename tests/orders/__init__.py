"""Orders exactly once: keeper, gateway and simulated venue under crashes and faults, and the venue's list as the oracle."""
