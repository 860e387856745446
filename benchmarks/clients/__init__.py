"""The contenders: the same work done by each client, written as its users would write it."""
