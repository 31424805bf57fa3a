"""The reports' format as JSON Schema (docs/parity.schema.json, docs/parity-checks.schema.json), version 1.

A number that JSON does not know, such as an infinite ratio, is null. Fields are added without a new version: a reader
skips those that it does not know, and what is optional here may be absent.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

ADDRESS = "https://json-schema.org/draft/2020-12/schema"
VERSION = 1

Number = float | None
Verdict = Literal["pass", "fail", "not exercised"]


class Ulp(BaseModel):
    """Differences counted in float32 numbers."""

    p50: Number
    p99: Number
    max: Number


class Needed(BaseModel):
    """What np.allclose would need: one of the two alone, with the other at 0."""

    rtol: Number
    atol: Number


class Figures(BaseModel):
    """How far an output lies from the reference's."""

    size: int
    scale: Number
    max_abs: Number
    max_rel: Number
    max_rel_each: Number
    rms: Number
    rms_rel: Number
    snr_db: Number
    cosine: Number
    ulp: Ulp | None
    ratio: Number = Field(description="error in units of the noise floor")
    tolerance_ratio: Number = Field(description="largest error in units of a tolerance set by hand")
    floor_rms: Number
    floor_max: Number
    needed: Needed
    outside: int


class Top1(BaseModel):
    """Agreement on classes."""

    agreed: int
    rows: int
    ties: int
    margin: Number
    top5: Number = None


class Element(BaseModel):
    """One of the worst elements."""

    index: list[int]
    reference: Number
    candidate: Number
    difference: Number


class Spread(BaseModel):
    """How the differences are spread, as shares of `scale`."""

    equal: int
    decades: dict[str, int]
    odd: int = Field(description="elements that are not finite on both sides")
    worst: list[Element]


class Output(BaseModel):
    """One output on one set of inputs, against the reference."""

    name: str
    title: str
    verdict: Verdict
    reason: str | None
    figures: Figures | None
    top1: Top1 | None
    kl: Number
    kind: str
    inputs: str
    as_set: bool = Field(default=False, description="compared as a set: detections, or places of values that tie")
    spread: Spread | None = None


class Comparison(BaseModel):
    """All outputs of one run against another's."""

    verdict: Verdict
    ratio: Number
    outputs: list[Output]


class Run(BaseModel):
    """What ran."""

    artifact: str
    backend: str
    versions: dict[str, str]
    seconds: float
    settings: dict[str, Any]


class Row(Run, Comparison):
    """A run and its comparison with the reference."""

    paired: list[str]


class Pair(Comparison):
    """Two runs by name, and their comparison."""

    runs: list[str]


class NotRun(BaseModel):
    """Something that did not run; `status` is 0 where nobody insisted on it."""

    label: str
    backend: str
    why: str
    remedy: str | None
    status: int


class Tensor(BaseModel):
    """What was fed to one input."""

    name: str
    kind: str
    seed: int | None
    shape: list[int] = []
    sha256: str


class Inputs(BaseModel):
    """The samples, in words and by digest."""

    samples: str
    batch: int
    tensors: list[Tensor] = []


class Inner(BaseModel):
    """A value inside the network (`--layers`)."""

    name: str
    op: str | None = None
    depth: int | None = None
    kind: str | None = None
    verdict: str
    ratio: Number = None
    rms: Number = None
    max: Number = None
    floor_rms: Number = None
    floor_max: Number = None


class Cause(BaseModel):
    """What the doctor found, with its proof."""

    cause: str
    before: Number
    after: Number
    proof: str


class Attested(BaseModel):
    """A file that was given a certificate."""

    file: str
    sha256: str
    certificate: str
    sidecar: str


class Parity(BaseModel):
    """The report of one check."""

    verdict: Literal["agrees", "differs", "incomplete", "nothing compared", "inconclusive", "refused"]
    status: int
    explanation: str
    details: list[str] = Field([], description="further lines of a refusal")
    tolerance: dict[str, Any] = Field({}, description="the rule that decided: `kind` is floor or tolerance")
    floor: str | None = None
    inputs: Inputs | None = None
    reference: Run | None
    reference_again: Comparison | None = None
    rows: list[Row]
    second_opinions: list[Row] = []
    second_opinions_unheard: list[NotRun] = []
    pairs: list[Pair] = []
    not_run: list[NotRun]
    float64: dict[str, Any] | None = None
    weights: dict[str, Any] | None = None
    not_exercised: list[dict[str, Any]] = []
    tensors: list[Inner] = []
    first: dict[str, Any] | str | None = None
    doctor: list[Cause] = []
    layers: list[dict[str, Any]] = Field([], description="each run that was looked into: tensors, first, doctor")
    not_inside: str | None = Field(None, description="why runs that agree were judged by their outputs alone")
    request: dict[str, Any] | None = Field(None, description="what was asked, for --replay")
    files: dict[str, dict[str, str]] = Field({}, description="sha256 of each artifact's files, by label and role")
    attested: list[Attested] = []
    environment: dict[str, str] = {}


class Place(BaseModel):
    """Where a list asks for a check."""

    file: str
    line: int


class Check(BaseModel):
    """One check of a list; `cached` says that its report is remembered."""

    name: str
    cached: bool
    place: Place | None
    report: Parity


class Checks(BaseModel):
    """The report of a list of checks; `status` is the gravest of theirs."""

    status: int
    checks: list[Check]


DOCUMENTS: dict[str, type[BaseModel]] = {"parity": Parity, "parity-checks": Checks}


def json_schema(name: str) -> dict[str, Any]:
    """The schema of the documents `zoo/<name>`."""
    schema = DOCUMENTS[name].model_json_schema()
    head = {"schema": {"const": f"zoo/{name}"}, "version": {"const": VERSION}}
    schema["properties"] = {**head, **schema["properties"]}
    schema["required"] = [*head, *schema["required"]]
    return {"$schema": ADDRESS, **schema, "title": f"zoo/{name}, version {VERSION}"}
