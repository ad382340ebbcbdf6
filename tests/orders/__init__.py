"""Orders exactly once: keeper, gateway and simulated venue under crashes and faults; the venue is the oracle."""
