"""Checks of the code itself, run by `.ci/run` and before a commit; no part of the package."""
