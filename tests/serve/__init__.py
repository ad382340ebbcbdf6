"""Tests of the counter: over actors in a World, looked up without Ray."""
