"""Frames of a video as images that the model can see: recognised, checked, and encoded where they are pixels."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import IO, Protocol, TypeGuard, cast

from livesession.errors import InvalidRequestError, MissingExtraError
from livesession.messages.content import GenerativeContentBlob

__all__ = ["Pixels", "VideoFrame", "has_pixels", "to_image"]

QUALITY = 85  # of JPEG: hardly to be told from the original, at a tenth of its size
SHOWN_BYTES = 12
FORMATS = "JPEG, PNG or WebP"


class Pixels(Protocol):
    """A numpy array, a PIL image, or anything else that has the array interface of numpy."""

    @property
    def __array_interface__(self) -> Mapping[str, object]:
        """The description that numpy defines: `shape`, `typestr` and so on."""


VideoFrame = bytes | GenerativeContentBlob | Pixels
"""An image of a video: the bytes of a JPEG, PNG or WebP file; a blob whose `mime_type` says what it is; a PIL image; or
a numpy array of uint8: height x width (grey), height x width x 3 (red, green, blue) or height x width x 4 (the fourth
is left out)."""


def has_pixels(frame: object) -> TypeGuard[Pixels]:
    """Whether it is an array or a PIL image. Asks the class, because a PIL image would read its file now."""
    return hasattr(type(frame), "__array_interface__")


def to_image(frame: object, max_side: int | None) -> GenerativeContentBlob:
    """The image that goes out. Raises `InvalidRequestError`, `TypeError` and `MissingExtraError`.

    Args:
        frame: Should be a `VideoFrame`. Bytes and blobs go out as they are, pixels as JPEG.
        max_side: Pixels of the longer side to which a larger one of pixels is scaled down; None leaves it as it is.
    """
    if isinstance(frame, GenerativeContentBlob):
        return frame
    if isinstance(frame, (bytes, bytearray, memoryview)):
        data = bytes(frame)
        return GenerativeContentBlob(mime_type=mime_type_of(data), data=data)
    if has_pixels(frame):
        return GenerativeContentBlob(mime_type="image/jpeg", data=jpeg_of(frame, max_side))
    raise TypeError(
        f"A frame is the bytes of a {FORMATS} file, a GenerativeContentBlob, a numpy array or a PIL image, not "
        f"{frame!r:.80}. Of a file, pathlib.Path(name).read_bytes() gives the bytes."
    )


def mime_type_of(data: bytes) -> str:
    """Returns the media type that the first bytes of an image show."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    seen = f"they begin with {data[:SHOWN_BYTES]!r}" if data else "there are none"
    raise InvalidRequestError(
        f"The bytes of this frame are no {FORMATS} image: {seen}. PIL.Image.open() reads other formats; a "
        "GenerativeContentBlob says itself what it holds."
    )


class PilImage(Protocol):
    """A PIL image as far as it is used here."""

    def convert(self, mode: str) -> PilImage: ...

    def thumbnail(self, size: tuple[int, int]) -> None: ...

    def save(self, file: IO[bytes], format: str, *, quality: int) -> None: ...


class Pillow(Protocol):
    """The module `PIL.Image`."""

    Image: type[PilImage]

    def fromarray(self, array: Pixels) -> PilImage: ...


class ImageOps(Protocol):
    """The module `PIL.ImageOps`."""

    def exif_transpose(self, image: PilImage) -> PilImage:
        """A copy, turned as its EXIF data say, which the JPEG will not have."""


def jpeg_of(pixels: Pixels, max_side: int | None) -> bytes:
    """The bytes of a JPEG file; what was given is not changed."""
    pillow, operations = import_pillow()
    is_image = isinstance(pixels, pillow.Image)
    if not is_image:
        check_array(pixels)
    try:
        image = cast(PilImage, pixels) if is_image else pillow.fromarray(pixels)
        return encoded(operations.exif_transpose(image).convert("RGB"), max_side)
    except Exception as error:  # of many kinds: a file that is cut off, a mode that has no colours, too many pixels
        raise InvalidRequestError(f"A frame could not be made a JPEG image: {error!r}") from error


def encoded(image: PilImage, max_side: int | None) -> bytes:
    if max_side is not None:
        image.thumbnail((max_side, max_side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def import_pillow() -> tuple[Pillow, ImageOps]:
    """The two modules. Raises `MissingExtraError`."""
    try:
        modules = importlib.import_module("PIL.Image"), importlib.import_module("PIL.ImageOps")
    except ImportError as error:
        raise MissingExtraError("Sending frames that are pixels", "video") from error
    return cast(Pillow, modules[0]), cast(ImageOps, modules[1])


def check_array(array: Pixels) -> None:
    """Raises `InvalidRequestError` for what is not the pixels of one image."""
    interface = array.__array_interface__
    shape = cast("tuple[int, ...]", interface["shape"])
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))) or 0 in shape:
        raise InvalidRequestError(
            f"A frame that is an array has the shape (height, width), (height, width, 3) or (height, width, 4), not "
            f"{shape}."
        )
    if interface["typestr"] != "|u1":
        raise InvalidRequestError(
            f"A frame that is an array holds uint8, from 0 to 255, not {getattr(array, 'dtype', interface['typestr'])}:"
            " where 1.0 is white, (255 * array).astype('uint8') makes it so."
        )
