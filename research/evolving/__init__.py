"""Evolution of strategies: genomes are varied, scored by real rollouts on Ray, selected, judged once, and kept."""
