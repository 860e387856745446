"""The method that notebooks look for. It costs nothing until one asks: what makes HTML is imported then."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Container

__all__ = ["Displayed"]

HTML = "text/html"
PLAIN = "text/plain"

logger = logging.getLogger("livesession")


class Displayed:
    """Base of what a notebook shows as more than its `repr`."""

    __slots__ = ()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """The value as `text/html`, and its `repr` as `text/plain`.

        Args:
            include: The media types that are wanted; default both.
            exclude: Those that are not; default none.

        Never raises: what cannot be made is left out, and logged.
        """
        bundle = {}
        for media_type, make in ((HTML, self._as_html), (PLAIN, self.__repr__)):
            if (not include or media_type in include) and not (exclude and media_type in exclude):
                try:
                    bundle[media_type] = make()
                except Exception as error:
                    logger.debug("a %s cannot be shown as %s", type(self).__name__, media_type, exc_info=error)
        return bundle

    def _as_html(self) -> str:
        # By name, since that module knows all the classes that are shown, and they would import what imports them.
        shown: str = importlib.import_module("livesession.notebook.html_values").shown_as_html(self)
        return shown
