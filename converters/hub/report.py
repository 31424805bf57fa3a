"""The account of one conversion: nothing is lost without a line here."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from converters.weights import Weight

SCHEMA = "zoo/convert-report"
SCHEMA_VERSION = 1


@dataclass(slots=True)
class Report:
    """What became of every layer and weight of the source.

    mapped      source layer -> the ONNX operators it became
    fused       source layer -> the node it was merged into
    dropped     source layer -> why it needs no node
    written     ONNX node -> the layers of the target that hold it
    unused      weights of the file that the network does not use
    filled      weights that the file lacks and what they were filled with (only with allow_missing)
    drawn       (source layer, key) -> the weight that `init` drew for it; not part of the document
    notes       decisions that a reader should know
    metadata    what the source says that the target should carry beside the network; not part of the document
    provenance  ONNX value -> source layer
    blobs       the source's own value name -> ONNX value
    sources     file name -> sha256;  outputs  file name -> sha256
    """

    source_format: str = ""
    target_format: str = ""
    kinds: Counter[str] = field(default_factory=Counter)
    mapped: dict[str, list[str]] = field(default_factory=dict)
    fused: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    filled: dict[str, str] = field(default_factory=dict)
    drawn: dict[tuple[str, int | str], Weight] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The report as plain JSON values; the same conversion gives the same document."""
        names = [name for name in self.__slots__ if name not in ("kinds", "drawn", "metadata")]
        body = {name: getattr(self, name) for name in names}
        return {"schema": SCHEMA, "version": SCHEMA_VERSION, "kinds": dict(sorted(self.kinds.items())), **body}

    def json(self) -> str:
        """The document as text."""
        return json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"
