"""What is said of data that must not be computed with."""


class DataQualityError(ValueError):
    """Data is not fit for use: the message names the place and the value."""
