"""The memory: what happened, in order, durable and hash-chained. State is a fold of it."""
