"""A session: its state, its queue, turns and calls told apart, and `LiveSession`, the face of all of it."""
