"""Whether what training needs is installed: a runtime is without it."""


class TrainingMissingError(RuntimeError):
    """Training was asked for where its libraries are not installed."""


def require_torch() -> None:
    """Import torch and SB3; TrainingMissingError says in one line how to install them."""
    try:
        import sb3_contrib  # noqa: F401
        import stable_baselines3  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise TrainingMissingError(
            f"training needs {error.name}, which is not installed here; `make training` installs it"
        ) from error
