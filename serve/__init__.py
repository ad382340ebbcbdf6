"""The counter: the decision API. It owns no state and starts no actor; it looks them up."""
