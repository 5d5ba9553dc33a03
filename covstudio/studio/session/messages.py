"""Declares messages: everything that a view and its page may say to each other, once, in its `messages.py`.

A `State` goes down whole whenever it changes. A `Message` goes one way once: down, such as a text to be put
on the clipboard, or up, what a person does. msgspec holds what the browser sends against these declarations,
and the page's TypeScript is checked against types made from their JSON schema
(`tools/frontend_messages.py`).
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec

#: A number as JSON carries it: infinities and NaN are texts.
Real = float | Literal["inf", "-inf", "nan"]


def plain(value: Any) -> Any:
    """A copy that JSON can carry.

    Tuples become lists, infinities and NaN become the texts "inf", "-inf" and "nan".
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a state or of a message."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a view draws."""


class Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=_kebab, forbid_unknown_fields=True
):
    """One thing said. Its "type" in JSON is the name of its class: `ClipboardText` is "clipboard-text"."""


class Edit(Message, frozen=True):
    """A change of the work. What a session that went down had not kept of it is said again to the next."""


def kind(message: type[Message]) -> str:
    """The "type" of a kind of message."""
    return str(message.__struct_config__.tag)


@dataclass(frozen=True)
class Wire:
    """All that is said between one view and its page.

    Args:
        name: of the view, a word.
        state: what goes down whole.
        up: what a person does.
        down: what the page is told besides.
    """

    all: ClassVar[dict[str, Wire]] = {}

    name: str
    state: type[State]
    up: tuple[type[Message], ...] = ()
    down: tuple[type[Message], ...] = ()
    kinds: Mapping[str, type[Message]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", {kind(one): one for one in self.up})
        Wire.all[self.name] = self


def wires() -> Iterator[Wire]:
    """Every wire of the studio: the `messages.py` of every package of views is imported."""
    studio = importlib.import_module("covstudio.studio")
    for package in pkgutil.iter_modules(studio.__path__, "covstudio.studio."):
        if package.ispkg:
            module = f"{package.name}.messages"
            if importlib.util.find_spec(module):
                importlib.import_module(module)
    yield from (Wire.all[name] for name in sorted(Wire.all))


def _adapt(schema: dict[str, Any]) -> None:
    """Say as the maker of the TypeScript types understands it: what holds bytes, and what is a tuple."""
    if schema.get("contentEncoding") == "base64":  # bytes travel as bytes, beside the JSON
        schema.clear()
        schema["tsType"] = "ArrayBuffer"
    elif "prefixItems" in schema:
        schema["items"] = schema.pop("prefixItems")
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(inner, dict):
            _adapt(inner)


def schema() -> dict[str, Any]:
    """The JSON schema of every wire: name of the view -> {"state", "up", "down"}."""
    found = list(wires())
    structs = [struct for wire in found for struct in (wire.state, *wire.up, *wire.down)]
    refs, definitions = msgspec.json.schema_components(structs, ref_template="#/definitions/{name}")
    by_struct = dict(zip(structs, refs, strict=True))

    def either(messages: tuple[type[Message], ...]) -> dict[str, Any]:
        return {"anyOf": [by_struct[one] for one in messages]} if messages else {"tsType": "never"}

    def wire_schema(wire: Wire) -> dict[str, Any]:
        sides = {"state": by_struct[wire.state], "up": either(wire.up), "down": either(wire.down)}
        return {
            "type": "object",
            "properties": sides,
            "required": list(sides),
            "additionalProperties": False,
        }

    for definition in definitions.values():
        for one in definition.get("properties", {}).values():
            _adapt(one)
        if definition.get("type") == "object" and "properties" in definition:
            definition["additionalProperties"] = False
            definition["required"] = list(definition["properties"])
    return {
        "title": "Wires",
        "type": "object",
        "properties": {wire.name: wire_schema(wire) for wire in found},
        "required": [wire.name for wire in found],
        "additionalProperties": False,
        "definitions": definitions,
    }
