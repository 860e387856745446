"""The display of values in a notebook: as HTML with a player, and as plain text. IPython is not imported."""
