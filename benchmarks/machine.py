"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import ssl
from importlib.metadata import PackageNotFoundError, version

__all__ = ["describe"]

PACKAGES = (
    "attrs", "cattrs", "google-genai", "msgspec", "orjson", "pybase64", "pydantic", "websocket-client", "websockets",
    "wsaccel",
)  # fmt: skip


def describe() -> dict[str, str]:
    """Processor, system and versions."""
    return {
        "cpu": f"{processor()}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        **{name: installed(name) for name in PACKAGES},
    }


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
