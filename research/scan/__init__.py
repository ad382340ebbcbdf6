"""The scan: what all instruments of a catalogue offer now, ranked, with reasons; and what could not be judged."""
