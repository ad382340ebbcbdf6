"""Account rules against an adversary: many hard paths, the compiled rules beside guards as others publish them."""
