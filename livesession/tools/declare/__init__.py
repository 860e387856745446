"""Declarations: a Python signature to the JSON schema that the model sees, and the model's arguments back to Python."""
