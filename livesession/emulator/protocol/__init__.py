"""The Live protocol as the emulator reads and writes it, without any module of the client."""
