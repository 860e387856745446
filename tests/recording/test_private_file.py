"""Files that only their owner may read, and that have one writer."""

from __future__ import annotations

import os
import stat

import pytest

from livesession import ConfigurationError
from livesession.recording.private_file import close_private, open_private, write_all


def test_a_file_is_emptied_and_left_to_its_owner(tmp_path):
    path = tmp_path / "file"
    path.write_text("what was there before")
    path.chmod(0o644)
    descriptor = open_private(path)
    write_all(descriptor, b"new")
    close_private(descriptor)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_writer_is_refused_and_leaves_the_file_as_it_is(tmp_path):
    path = tmp_path / "file"
    first = open_private(path)
    write_all(first, b"of the first")
    with pytest.raises(ConfigurationError, match="another session is being recorded to it"):
        open_private(path)
    assert path.read_bytes() == b"of the first"
    close_private(first)
    close_private(open_private(path))


def test_a_file_that_is_no_plain_one_is_neither_locked_nor_changed():
    before = os.stat("/dev/null").st_mode
    first, second = open_private(os.devnull), open_private(os.devnull)
    close_private(first)
    close_private(second)
    assert os.stat("/dev/null").st_mode == before


def test_all_data_are_written_though_the_system_takes_them_in_pieces():
    reader, writer = os.pipe()
    os.set_blocking(writer, True)
    data = bytes(range(256)) * 4_096  # far more than a pipe holds
    child = os.fork()
    if child == 0:
        os.close(reader)
        write_all(writer, data)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        assert file.read() == data
    os.waitpid(child, 0)
