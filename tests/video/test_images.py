"""What frames become: recognised by their first bytes, or encoded as JPEG with the right colours and size."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

from livesession import GenerativeContentBlob, InvalidRequestError
from livesession.video.images import to_image

ROOT = Path(__file__).parents[2]
ORANGE = (250, 120, 20)


def file_of(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def decoded(frame, max_side=768):
    """What the model sees."""
    blob = to_image(frame, max_side)
    image = Image.open(io.BytesIO(blob.data))
    assert (blob.mime_type, image.format, image.mode) == ("image/jpeg", "JPEG", "RGB")
    return image


def is_about(seen, meant):
    return all(abs(one - other) < 12 for one, other in zip(seen, meant, strict=True))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_bytes_go_out_as_they_are_and_their_type_is_found_in_them(format):
    data = file_of(Image.new("RGB", (2000, 10)), format)
    for frame in (data, bytearray(data), memoryview(data)):
        assert to_image(frame, 768) == GenerativeContentBlob(mime_type=f"image/{format.lower()}", data=data)


def test_a_blob_goes_out_as_it_is():
    blob = GenerativeContentBlob(mime_type="image/heic", data=b"anything")
    assert to_image(blob, 768) is blob


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (file_of(Image.new("P", (4, 4)), "GIF"), "b'GIF87a"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "b'RIFF"),
        (b"\x00" * 99, r"b'(\\x00){12}'"),
        (b"", "there are none"),
    ],
)
def test_bytes_of_anything_else_are_an_error_that_shows_their_beginning(data, seen):
    with pytest.raises(InvalidRequestError, match=f"no JPEG, PNG or WebP image: .*{seen}"):
        to_image(data, 768)


@pytest.mark.parametrize("frame", [None, "a.jpg", Path("a.jpg"), 3, [1, 2]])
def test_what_is_no_image_at_all_is_told_with_what_one_is(frame):
    with pytest.raises(TypeError, match=r"A frame is the bytes of a JPEG.*read_bytes"):
        to_image(frame, 768)


def test_an_array_is_red_green_and_blue():
    array = numpy.full((30, 40, 3), ORANGE, numpy.uint8)
    image = decoded(array)
    assert image.size == (40, 30)
    assert is_about(image.getpixel((20, 15)), ORANGE)


def test_a_frame_of_opencv_turned_round_is_seen_in_its_colours():
    blue_first = numpy.full((30, 40, 3), ORANGE[::-1], numpy.uint8)
    assert is_about(decoded(blue_first[:, :, ::-1]).getpixel((20, 15)), ORANGE)


def test_an_array_may_be_grey_or_have_a_fourth_channel_which_is_left_out():
    assert is_about(decoded(numpy.full((30, 40), 99, numpy.uint8)).getpixel((1, 1)), (99, 99, 99))
    assert is_about(decoded(numpy.full((30, 40, 4), (*ORANGE, 0), numpy.uint8)).getpixel((1, 1)), ORANGE)


@pytest.mark.parametrize("shape", [(), (9,), (3, 40, 30), (40, 30, 1), (40, 30, 2), (1, 40, 30, 3), (0, 30, 3)])
def test_an_array_of_another_shape_is_an_error_that_says_it(shape):
    with pytest.raises(InvalidRequestError) as caught:
        to_image(numpy.zeros(shape, numpy.uint8), 768)
    assert str(caught.value).endswith(f"not {shape}.")


@pytest.mark.parametrize("kind", ["float64", "int8", "uint16", "bool"])
def test_an_array_of_other_numbers_is_an_error_that_says_which(kind):
    with pytest.raises(InvalidRequestError, match=f"uint8, from 0 to 255, not {kind}"):
        to_image(numpy.zeros((30, 40, 3), kind), 768)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "F"])
def test_a_pil_image_of_any_mode_is_encoded(mode):
    assert decoded(Image.new("RGB", (40, 30), "white").convert(mode)).size == (40, 30)


@pytest.mark.parametrize(
    ("max_side", "size"), [(768, (768, 432)), (100, (100, 56)), (4000, (1920, 1080)), (None, (1920, 1080))]
)
def test_pixels_are_scaled_down_and_never_up_and_what_was_given_is_not_changed(max_side, size):
    image = Image.new("RGB", (1920, 1080), ORANGE)
    assert decoded(image, max_side).size == size
    assert decoded(numpy.asarray(image), max_side).size == size
    assert image.size == (1920, 1080)


def test_a_photo_is_seen_upright():
    upside = Image.Exif()
    upside[0x0112] = 6  # the camera was turned by a quarter
    data = file_of(Image.new("RGB", (40, 30)), "JPEG", exif=upside)
    assert decoded(Image.open(io.BytesIO(data))).size == (30, 40)


def test_an_image_that_cannot_be_read_is_an_error_with_its_cause():
    data = file_of(Image.effect_noise((300, 300), 99), "PNG")
    with pytest.raises(InvalidRequestError, match=r"could not be made a JPEG image: .*truncated") as caught:
        to_image(Image.open(io.BytesIO(data[: len(data) // 2])), 768)
    assert isinstance(caught.value.__cause__, OSError)


def test_without_pillow_bytes_go_out_and_pixels_name_the_extra():
    program = """
import sys; sys.modules["PIL"] = None
import numpy
from livesession.video.images import to_image
print(to_image(b"\\xff\\xd8\\xff", 768).mime_type)
try: to_image(numpy.zeros((4, 4), "uint8"), 768)
except ImportError as error: print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "image/jpeg"
    assert second.startswith("MissingExtraError")
    assert 'pip install "livesession[video]"' in second
