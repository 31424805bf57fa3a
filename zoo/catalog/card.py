"""What must travel with a converted model: how to feed it and what its answers mean, as ONNX metadata."""

from __future__ import annotations

import json

from zoo.catalog.labels import labels
from zoo.catalog.plain import is_none, values
from zoo.catalog.schema import Entry


def metadata(entry: Entry) -> dict[str, str]:
    """The entry's id, licence, inputs and outputs (JSON), and the labels of each output, one a line."""
    props = {
        "zoo.id": entry.id,
        "zoo.licence": entry.licence.spdx or entry.licence.published,
        "zoo.inputs": _json([values(spec, is_none) for spec in entry.inputs]),
        "zoo.outputs": _json([values(spec, is_none) for spec in entry.outputs]),
    }
    for spec in entry.outputs:
        if spec.labels is not None:
            props[f"zoo.labels.{spec.name}"] = "\n".join(labels(spec.labels))
    return props


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
