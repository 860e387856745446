"""Declarations of Python functions: signatures to the schemas that the model sees, and its arguments back to Python.

Nothing here knows of tools or sessions.
"""
