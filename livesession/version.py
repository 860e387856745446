"""The version, as the installed package says; a checkout that is not installed has none."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("livesession")
except PackageNotFoundError:
    __version__ = "0"
