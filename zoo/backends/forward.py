"""One artifact run once: which backend takes it, what it is fed, and what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.backends import discovery, feeds, host
from zoo.backends.arrays import read_npy
from zoo.backends.card import Card
from zoo.backends.feeds import InputSpec
from zoo.diagnostics import BackendFault, Diagnostic, UsageFault, Where

if TYPE_CHECKING:
    from zoo.catalog.artifact import Artifact

_MAX_INPUT = 2**31  # bytes of one .npy file


@dataclass(frozen=True, slots=True)
class Way:
    """The backend that runs an artifact: on its own files, or on their conversion to ONNX."""

    card: Card
    convert: bool


def choose(source: str, name: str | None) -> Way:
    """The named backend, or the first available one that reads the format `source`, or one for its conversion to ONNX.

    BackendFault `backend-unavailable` lists who could and what to type; UsageFault `backend-format` when the named
    backend reads neither the format nor ONNX.
    """
    cards = [discovery.find(name)] if name else discovery.backends()
    ways = [Way(card, convert) for convert in (False, True) for card in cards if _takes(card, source, convert=convert)]
    if not ways:
        able = ", ".join(card.name for card in discovery.backends() if source in card.reads)
        what = f"{name} reads {', '.join(cards[0].reads)}, not {source}" if name else f"no backend reads {source}"
        raise UsageFault("backend-format", what, hint=f"backends that do: {able}" if able else None)
    missing = []
    for way in ways:
        status = discovery.probe(way.card)
        if status.available:
            return way
        missing.append((way.card.name, status))
    raise BackendFault(
        "backend-unavailable",
        f"no backend that can run {source} is available here",
        details=[f"{card}: {status.why_not}" for card, status in missing],
        hint=" or ".join(status.remedy for _card, status in missing if status.remedy),
    )


def _takes(card: Card, source: str, *, convert: bool) -> bool:
    return "onnx" in card.reads and source not in card.reads if convert else source in card.reads


def forward(
    artifact: Artifact, way: Way, inputs: Mapping[str, np.ndarray], options: Mapping[str, object], timeout: float
) -> host.Reply:
    """Run the artifact; BackendFault `worker-failed` tells what the worker said when it gave no result."""
    if not way.convert:
        answer = host.run(way.card, artifact.format, artifact.files, inputs, options=options, timeout=timeout)
    else:
        import converters

        with tempfile.TemporaryDirectory(prefix="zoo-run-") as folder:
            model = Path(folder) / "model.onnx"
            converters.convert(list(artifact.files.values()), "onnx", model)
            answer = host.run(way.card, "onnx", {"model": model}, inputs, options=options, timeout=timeout)
    if isinstance(answer, host.Failed):
        first, *more = str(answer).splitlines()
        raise BackendFault("worker-failed", f"{way.card.name} did not run {artifact.label}: {first}", details=more)
    return answer


def gather(given: Sequence[str], specs: Sequence[InputSpec]) -> dict[str, np.ndarray]:
    """Arrays by input name from `[NAME=]FILE.npy` and `[NAME=]IMAGE` arguments.

    `specs` are the inputs that the artifact's entry declares (none: arrays only, unchecked). Several images for one
    input become a batch. Every unknown or missing name is a UsageFault `inputs`; a bad file is a Diagnostic.
    """
    known = {spec.name: spec for spec in specs}
    only = next(iter(known)) if len(known) == 1 else ""
    files: dict[str, list[Path]] = {}
    for text in given:
        name, path = _split(text)
        files.setdefault(only if name is None else name, []).append(path)
    strangers = [name for name in files if known and name not in known]
    faults = [f"{name}: no input of that name" if name else f"{files[name][0]}: for which input?" for name in strangers]
    faults += [f"{name}: nothing is given for it" for name in known if name not in files]
    if faults:
        hint = f"the inputs are {', '.join(known)}: --input NAME=FILE"
        raise UsageFault("inputs", "what is given does not fit the model's inputs", details=faults, hint=hint)
    return {name: _fed(name, paths, known.get(name)) for name, paths in files.items()}


def _split(text: str) -> tuple[str | None, Path]:
    """NAME=FILE in two; a file whose own name holds a = is taken whole."""
    name, equals, file = text.partition("=")
    if not equals or Path(text).is_file():
        return None, Path(text)
    return name, Path(file)


def _fed(name: str, paths: Sequence[Path], spec: InputSpec | None) -> np.ndarray:
    if all(path.suffix.lower() != ".npy" for path in paths):
        return _images(name, paths, spec)
    if len(paths) > 1:
        raise UsageFault("inputs", f"input {name or '(unnamed)'} is given {len(paths)} times, with an array among them")
    array = _array(paths[0])
    if spec is not None:
        _check(array, spec, paths[0])
    return array


def _images(name: str, paths: Sequence[Path], spec: InputSpec | None) -> np.ndarray:
    if spec is None:
        raise UsageFault(
            "image-without-entry",
            f"{paths[0]}: only a registry entry says how an image is resized, cropped and normalised for a model",
            hint="name the model by its registry id (zoo ls), or give an array: --input x.npy",
        )
    batch = spec.shape[0]
    if isinstance(batch, int) and len(paths) not in (1, batch):
        raise UsageFault("inputs", f"input {name} takes a batch of {batch}, {len(paths)} images are given")
    return feeds.apply(spec, np.concatenate([feeds.canonical(path, spec) for path in paths]))


def _array(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            return read_npy(file, _MAX_INPUT)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise Diagnostic("bad-input", f"cannot be read ({reason})", where=Where(str(path))) from None
    except ValueError as fault:
        raise Diagnostic("bad-input", str(fault), where=Where(str(path))) from None


def _check(array: np.ndarray, spec: InputSpec, path: Path) -> None:
    """An entry's inputs are float32 of the declared shape."""
    fits = len(array.shape) == len(spec.shape) and all(
        not isinstance(wanted, int) or wanted == size for wanted, size in zip(spec.shape, array.shape, strict=True)
    )
    faults = [] if fits else [f"its shape is {list(array.shape)}, expected [{', '.join(map(str, spec.shape))}]"]
    if array.dtype != np.float32:
        faults.append(f"it holds {array.dtype}, expected float32")
    if faults:
        raise Diagnostic("bad-input", f"not what input {spec.name} wants: {'; '.join(faults)}", where=Where(str(path)))
