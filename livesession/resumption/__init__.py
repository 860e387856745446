"""Resumption: a lost connection is replaced, and the conversation goes on over the new one."""
