"""A chat with the model, as a Django project."""
