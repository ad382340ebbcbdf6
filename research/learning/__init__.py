"""Learning: training agents in the environments, keeping what they learnt by hash, and judging it out of sample."""
