"""Scripts: which turn of the user gets which answer, and what goes wrong on purpose."""
