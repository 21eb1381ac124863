"""What the service checks in what it gets: fields it knows, a schema it can use, a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nko_assets_tests.servers.gemini_answers import decoded

# The fields of v1beta, https://ai.google.dev/api/generate-content. The service takes them in snake_case
# as well; our files are written in camelCase alone, and anything else there is a slip.
_REQUEST = {
    "model", "contents", "tools", "toolConfig", "safetySettings", "systemInstruction",
    "generationConfig", "cachedContent", "serviceTier", "store",
}  # fmt: skip
_CONTENT = {"parts", "role"}
_PART = {
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
    "codeExecutionResult", "thought", "thoughtSignature", "videoMetadata", "mediaResolution",
    "partMetadata",
}  # fmt: skip
_GENERATION = {
    "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema",
    "responseModalities", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK",
    "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs",
    "enableEnhancedCivicAnswers", "speechConfig", "thinkingConfig", "imageConfig",
    "mediaResolution",
}  # fmt: skip
_THINKING = {"includeThoughts", "thinkingBudget", "thinkingLevel"}
_LEVELS = {"MINIMAL", "LOW", "MEDIUM", "HIGH"}
_RESOLUTIONS = {f"MEDIA_RESOLUTION_{size}" for size in ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH")}
_FINEST = "MEDIA_RESOLUTION_ULTRA_HIGH"
_NO_MINIMAL = ("gemini-3.1-pro", "gemini-3.7-flash", "gemini-3.8-flash")
_SCHEMA = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems",
    "properties", "required", "minProperties", "maxProperties", "minLength", "maxLength",
    "pattern", "example", "anyOf", "propertyOrdering", "default", "items", "minimum", "maximum",
}  # fmt: skip
_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
# An object of arrays of objects of scalars works in batch; one level more is refused.
_OBJECTS_IN_OBJECTS = 2

_FILE_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class BadRequest(Exception):
    """What the service says of a request that it cannot take."""


def check_file_id(file_id: str) -> None:
    """Raise `BadRequest` for an id that a file cannot have."""
    if not _FILE_ID.fullmatch(file_id):
        raise BadRequest(
            "* CreateFileRequest.file.name: File name may only contain lowercase alphanumeric "
            "characters or dashes (-) and cannot begin or end with a dash.\n"
        )


def check_line(line: bytes, model: str) -> tuple[str, dict[str, Any]]:
    """The key and the request of one line of a job's file; raises `BadRequest`."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise BadRequest(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        raise BadRequest("Each line must be an object with a key and a request.")
    _fields(value, {"key", "request"}, "line")
    request = value.get("request")
    if not isinstance(request, dict):
        raise BadRequest("Each line must be an object with a key and a request.")
    check_request(request, model)
    return value["key"], request


def check_request(request: Mapping[str, Any], model: str) -> None:
    """Raise `BadRequest` when a GenerateContentRequest is none."""
    _fields(request, _REQUEST, "request")
    contents = request.get("contents")
    if not isinstance(contents, list) or not contents:
        raise BadRequest("* GenerateContentRequest.contents: contents is not specified\n")
    system = [request["systemInstruction"]] if "systemInstruction" in request else []
    for content in [*contents, *system]:
        _fields(content, _CONTENT, "contents")
        if content.get("role", "user") not in ("user", "model", "system"):
            raise BadRequest("Please use a valid role: user, model.")
        for part in content.get("parts", []):
            _check_part(part)
    _check_generation(request.get("generationConfig", {}), model)


def _check_part(part: Mapping[str, Any]) -> None:
    _fields(part, _PART, "parts")
    if not set(part) & {"text", "inlineData", "fileData"}:
        raise BadRequest("* contents.parts: contents.parts must not be empty.\n")
    level = part.get("mediaResolution", {})
    _fields(level, {"level", "numTokens"}, "media_resolution")
    _one_of(level.get("level"), _RESOLUTIONS, "media_resolution.level")
    if "inlineData" in part:
        blob = part["inlineData"]
        _fields(blob, {"mimeType", "data"}, "inline_data")
        try:
            data = decoded(blob.get("data", ""))
        except ValueError as error:
            raise BadRequest(
                f"Invalid value at 'inline_data.data' (TYPE_BYTES), {error}"
            ) from error
        if blob.get("mimeType") != "image/jpeg" or not data.startswith(b"\xff\xd8\xff"):
            raise BadRequest("Provided image is not valid.")


def _check_generation(config: Mapping[str, Any], model: str) -> None:
    _fields(config, _GENERATION, "generation_config")
    thinking = config.get("thinkingConfig", {})
    _fields(thinking, _THINKING, "thinking_config")
    level = thinking.get("thinkingLevel")
    _one_of(level, _LEVELS, "thinking_level")
    if level and "thinkingBudget" in thinking:
        raise BadRequest("You can only set only one of thinking budget and thinking level.")
    if level and model.startswith("gemini-2.5"):
        raise BadRequest("Thinking level is not supported for this model.")
    if level == "MINIMAL" and model.startswith(_NO_MINIMAL):
        raise BadRequest(f"Thinking level MINIMAL is not supported for this model: {model}.")
    # The finest resolution exists for single pictures only.
    _one_of(config.get("mediaResolution"), _RESOLUTIONS - {_FINEST}, "media_resolution")
    if "responseJsonSchema" in config:
        raise BadRequest("responseJsonSchema is not supported in batch requests.")
    if "responseSchema" in config:
        if config.get("responseMimeType") != "application/json":
            raise BadRequest("response_schema needs response_mime_type application/json.")
        _check_schema(config["responseSchema"], 0)


def _check_schema(schema: Mapping[str, Any], objects: int) -> None:
    _fields(schema, _SCHEMA, "response_schema")
    kind = schema.get("type")
    if kind not in _TYPES:
        raise BadRequest(f"Invalid value at 'response_schema.type', {kind!r}")
    if kind == "OBJECT":
        if objects == _OBJECTS_IN_OBJECTS:
            raise BadRequest(
                "A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth."
            )
        properties = schema.get("properties")
        if not properties:
            raise BadRequest("* response_schema.properties: should be non-empty for OBJECT type\n")
        unknown = {*schema.get("required", []), *schema.get("propertyOrdering", [])} - set(
            properties
        )
        if unknown:
            raise BadRequest(
                f"* response_schema.required: property is not defined: {sorted(unknown)}"
            )
        for inner in properties.values():
            _check_schema(inner, objects + 1)
    if kind == "ARRAY":
        if "items" not in schema:
            raise BadRequest("* response_schema.items: missing field.\n")
        _check_schema(schema["items"], objects)
    if "enum" in schema and (kind != "STRING" or "" in schema["enum"]):
        raise BadRequest("* response_schema.enum: only allowed for STRING type, cannot be empty\n")


def _fields(value: object, known: set[str], where: str) -> None:
    if not isinstance(value, Mapping):
        raise BadRequest(f"Invalid value at '{where}', expected an object.")
    for name in value:
        if name not in known:
            raise BadRequest(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
            )


def _one_of(value: object, known: set[str], where: str) -> None:
    if value is not None and value not in known:
        raise BadRequest(f"Invalid value at '{where}', {value!r}")
