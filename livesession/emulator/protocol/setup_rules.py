"""Rules that a well-formed setup must also satisfy: the model's name, its modality, the voice, the tools. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from livesession.emulator.protocol.refusal import CloseRefusal, invalid
from livesession.emulator.protocol.routes import BackEndKind, Route

JsonObject = Mapping[str, object]

VOICES: Final = frozenset(
    (  # noqa: SIM905 - thirty lines otherwise
        "Achernar Achird Algenib Algieba Alnilam Aoede Autonoe Callirrhoe Charon Despina Enceladus Erinome Fenrir "
        "Gacrux Iapetus Kore Laomedeia Leda Orus Puck Pulcherrima Rasalgethi Sadachbia Sadaltager Schedar Sulafat "
        "Umbriel Vindemiatrix Zephyr Zubenelgenubi"
    ).split()
)
"""The published prebuilt voices; their names are case-sensitive."""

MODEL_NAMES: Final[dict[BackEndKind, re.Pattern[str]]] = {
    "google": re.compile(r"(models|tunedModels)/[\w.@-]+"),
    "vertex": re.compile(
        r"(projects/[\w.:-]+/locations/[\w-]+/)?publishers/[\w.-]+/models/[\w.@-]+"
        r"|projects/[\w.:-]+/locations/[\w-]+/(models|endpoints)/[\w.@-]+"
    ),
    "firebase": re.compile(r"projects/[\w.:-]+/models/[\w.@-]+"),
    "firebase-vertex": re.compile(r"projects/[\w.:-]+/locations/[\w-]+/publishers/[\w.-]+/models/[\w.@-]+"),
}
"""How each back end spells a model's resource name."""

AUDIO_ONLY: Final = re.compile(r"native-audio|gemini-3")
"""Models that answer in audio alone."""

NO_MEDIA_CHUNKS: Final = re.compile(r"gemini-3")
"""Models that refuse the deprecated `realtimeInput.mediaChunks`."""

UNSUPPORTED: Final = (
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "stopSequences",
    "routingConfig",
    "audioTimestamp",
)
"""Fields of `generationConfig` that exist and that a Live session refuses."""

_ABSENT_MODEL = re.compile(r"missing|not-found", re.IGNORECASE)
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def check_setup(setup: JsonObject, route: Route) -> None:
    """Refuse a normalised setup that the service would not start a session with.

    Raises:
        Refusal: 1008 when there is no such model, 1007 for anything else.
    """
    model = setup.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("setup.model is required.")
    _check_model(model, route)
    generation = child(setup, "generationConfig")
    for name in UNSUPPORTED:
        if name in generation:
            raise invalid(f"{name} is not supported in a live session.")
    _check_modalities(setup, model)
    _check_voice(setup, model)
    if "translationConfig" in generation and not child(generation, "translationConfig").get("targetLanguageCode"):
        raise invalid("translationConfig.targetLanguageCode is required.")
    _check_compression(child(setup, "contextWindowCompression"))
    _check_functions(setup)


def child(parent: JsonObject, *path: str) -> JsonObject:
    """Return the object at `path` under `parent`, an empty one when any step is absent."""
    for name in path:
        below = parent.get(name)
        parent = below if isinstance(below, Mapping) else {}
    return parent


def objects(parent: JsonObject, name: str) -> list[JsonObject]:
    """Return the list of objects that `parent` has under `name`, an empty one when absent."""
    value = parent.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def modality(setup: JsonObject) -> str:
    """Return what the session answers in: "AUDIO" (also when unset) or "TEXT"."""
    names = child(setup, "generationConfig").get("responseModalities")
    return str(names[0]) if isinstance(names, list) and names else "AUDIO"


def declared_functions(setup: JsonObject) -> Iterator[JsonObject]:
    """Yield every function declaration of the setup, in order."""
    for tool in objects(setup, "tools"):
        yield from objects(tool, "functionDeclarations")


def non_blocking(setup: JsonObject) -> frozenset[str]:
    """Return the names of the functions that the model does not wait for."""
    declared = declared_functions(setup)
    return frozenset(str(function["name"]) for function in declared if function.get("behavior") == "NON_BLOCKING")


def _check_model(model: str, route: Route) -> None:
    known = route.verbatim or MODEL_NAMES[route.kind].fullmatch(model)
    if not known or _ABSENT_MODEL.search(model):
        version = f"API version {route.version}"
        raise CloseRefusal(
            1008,
            f"{model} is not found for {version}, or is not supported for bidiGenerateContent. "
            "Call ListModels to see the list of available models and their supported methods.",
        )


def _check_modalities(setup: JsonObject, model: str) -> None:
    names = child(setup, "generationConfig").get("responseModalities") or ["AUDIO"]
    asked = names if isinstance(names, list) else []
    allowed = ("AUDIO",) if AUDIO_ONLY.search(model) else ("AUDIO", "TEXT")
    if len(asked) != 1 or asked[0] not in allowed:
        combination = ", ".join(map(str, asked))
        raise CloseRefusal(
            1007,
            f"The requested combination of response modalities ({combination}) is not supported by the model. "
            f"{model} accepts: {' or '.join(allowed)}",
        )


def _check_voice(setup: JsonObject, model: str) -> None:
    speech = child(setup, "generationConfig", "speechConfig")
    if "multiSpeakerVoiceConfig" in speech:
        raise invalid("multiSpeakerVoiceConfig is not supported in a live session.")
    if "voiceConfig" in speech and modality(setup) == "TEXT":
        raise CloseRefusal(1007, "Cannot extract voices from a non-audio request.")
    voice = child(speech, "voiceConfig", "prebuiltVoiceConfig").get("voiceName")
    if voice is not None and voice not in VOICES:
        raise CloseRefusal(1007, f"Requested voice api_name '{voice}' is not available for model {model}")


def _check_compression(compression: JsonObject) -> None:
    trigger, target = (
        compression.get("triggerTokens"),
        child(compression, "slidingWindow").get("targetTokens"),
    )
    if isinstance(trigger, int) and isinstance(target, int) and target >= trigger:
        raise invalid("slidingWindow.targetTokens must be less than triggerTokens.")


def _check_functions(setup: JsonObject) -> None:
    seen: set[str] = set()
    for function in declared_functions(setup):
        name = function.get("name")
        if not isinstance(name, str) or not _FUNCTION_NAME.fullmatch(name):
            raise invalid(f"Invalid function name: {name}.")
        if name in seen:
            raise CloseRefusal(1007, f"Duplicate function declaration found: {name}")
        if "parameters" in function and "parametersJsonSchema" in function:
            raise invalid(f"{name} has both parameters and parameters_json_schema.")
        seen.add(name)
