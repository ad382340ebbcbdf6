"""The doors: one implementation of `Venue` per place that takes orders or gives data. Imports market alone."""
