"""The registry's format as JSON Schema, for editors (docs/registry.schema.json)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from zoo.catalog.schema import Entry, Preset

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


class File(BaseModel):
    """A registry of zoo; docs/registry.md describes every key."""

    model_config = ConfigDict(extra="forbid", title="A registry of zoo")
    version: Literal[1]
    presets: dict[str, Preset] = {}
    shared: dict[str, Any] = {}
    entries: tuple[Entry, ...]


def json_schema() -> dict[str, Any]:
    """The schema of a registry file. The format may stand in the id, so the key is not demanded here."""
    schema = File.model_json_schema()
    schema["$defs"]["Entry"]["required"].remove("format")
    return {"$schema": ADDRESS, **schema}
