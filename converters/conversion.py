"""Sources -> hub -> target: identify, decode, select, read, pass, check, write, account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from converters.diagnostic import Diagnostic, Where
from converters.format import Format, formats
from converters.hub.layer import Dim, SourceGraph
from converters.hub.report import Report
from converters.identify import identify
from converters.outputs import Digest, write_text

if TYPE_CHECKING:
    import onnx_ir as ir

Shapes = Mapping[str, tuple[Dim, ...]]
DYNAMIC = "N"


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a source.

    inputs         input name -> shape, where the source lacks one or another is wanted
    outputs        compute these values only
    cut_at         leave out everything that is computed from these values
    batch          a number, "dynamic", or None: dynamic where the network allows it, else as declared
    key            which of several models in the file: a path of names and numbers such as `state.net`
    allow_missing  fill weights that the file lacks instead of refusing
    init           a seed: a graph without any weights gets variance-preserving ones, by layer name
    settings       what only some formats know, by option name (`Format.settings`); others refuse it
    """

    inputs: Shapes | None = None
    outputs: Sequence[str] = ()
    cut_at: Sequence[str] = ()
    batch: int | str | None = None
    allow_missing: bool = False
    key: str | None = None
    init: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """What files that are converted were made from a moment ago: the account is then of the original.

    format    the original's format;  files  its own files by role
    notes     how the files were made;  versions  what made them
    """

    format: str
    files: Mapping[str, Path]
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A network in the hub's form, with the account of how it came there."""

    ir: ir.Model
    report: Report
    files: Mapping[str, Path]


class Writer(Protocol):
    """Writes a model as `write` does."""

    def __call__(
        self,
        model: Model,
        to: str,
        out: Path,
        *,
        opset: int | None,
        external_data: bool,
        dialect: str | None,
        closing: Callable[[], Mapping[str, str]],
    ) -> dict[str, str]:
        """File name -> sha256 of what was written."""


def read(paths: Sequence[Path | str], options: Options | None = None) -> Model:
    """Read the files of one artifact into the hub."""
    options = options or Options()
    card, files = identify(paths)
    _known_settings(card, options)
    if card.decode is None:
        return _read_onnx(card, files, options)
    if card.ops is None:
        raise Diagnostic("unsupported-format", f"zoo does not read {card.title} yet", where=Where(file=str(paths[0])))
    graph = decode(card, files, options)
    return _read_graph(card, graph, files, options)


def decode(card: Format, files: Mapping[str, Path], options: Options) -> SourceGraph:
    """The source graph of an artifact, reduced to what `options` ask for."""
    from converters.format import resolve
    from converters.hub import selection

    assert card.decode is not None
    if options.key is not None and not card.keyed:
        raise Diagnostic("no-keys", f"files of {card.title} hold one model; --key picks nothing in them")
    chosen = {"key": options.key} if card.keyed else {}
    graph = resolve(card.decode)(files, options.inputs or {}, **chosen, **options.settings)
    assert isinstance(graph, SourceGraph)
    if options.cut_at:
        graph = selection.cut(graph, options.cut_at)
    if options.outputs:
        graph = selection.pick(graph, options.outputs)
    return graph


def _known_settings(card: Format, options: Options) -> None:
    strange = [name for name in options.settings if name not in card.settings]
    if strange:
        raise Diagnostic(
            "foreign-option", f"{', '.join(f'--{name}' for name in strange)} says nothing about a file of {card.title}"
        )


def write(
    model: Model,
    to: str,
    out: Path | str,
    *,
    opset: int | None = None,
    external_data: bool = False,
    dialect: str | None = None,
    batch: int | None = None,
    closing: Callable[[], Mapping[str, str]] | None = None,
) -> dict[str, str]:
    """Write a hub model in a format; returns file name -> sha256.

    `closing` gives more metadata for an ONNX file; it is asked for when the weights are written.
    `opset` and `external_data` are for ONNX, `dialect` and `batch` (what a symbolic batch becomes) for formats whose
    cards know them. The model's report is told what became of each node.
    """
    card = formats().get(to)
    _demand_suited(
        card, to, {"opset": opset is not None, "external data": external_data, "dialect": dialect is not None}
    )
    if card is not None and card.encode is not None:
        return _encode(model, card, Path(out), dialect=dialect, batch=batch)
    if card is not None and card.compose is not None:
        return _compose(model, card, Path(out), batch=batch)
    if to != "onnx":
        known = ", ".join(name for name, card in formats().items() if card.encode or card.compose or name == "onnx")
        raise Diagnostic("unsupported-target", f"zoo does not write {to} yet", hint=f"formats it writes: {known}")
    from converters.onnxfile.opset import to_opset
    from converters.onnxfile.saving import save

    hub = model.ir if opset is None else to_opset(model.ir, opset)
    return save(hub, Path(out), external_data=external_data, closing=closing)


def _demand_suited(card: Format | None, to: str, asked: Mapping[str, bool]) -> None:
    """Refuses options that the target knows nothing of: none is ignored."""
    has_dialects = card is not None and card.dialects != ("",)
    suited = {"opset": to == "onnx", "external data": to == "onnx", "dialect": has_dialects}
    idle = [name for name, given in asked.items() if given and not suited[name]]
    if idle:
        raise Diagnostic("unsuited-option", f"{to} files know no {' and no '.join(idle)}")


def layers(model: Model, card: Format, *, dialect: str | None = None, batch: int | None = None) -> SourceGraph:
    """The layers that `write` would encode; refuses what the format of `card` cannot hold, all at once."""
    from converters.format import resolve
    from converters.hub import writing
    from converters.hub.writetable import gather_writers
    from converters.onnxfile.normal import normalize

    assert card.writers is not None
    chosen = card.dialects[0] if dialect is None else dialect
    if chosen not in card.dialects:
        raise Diagnostic("unknown-dialect", f"{card.title} has no dialect {chosen}; it has {', '.join(card.dialects)}")
    table = gather_writers(card.writers)
    known = table.operators() if card.inlines else None
    contract = resolve(card.contract) if card.contract else None
    normal = normalize(model.ir, model.report, batch=batch, fixed=card.fixed, known=known, contract=contract)
    file = str(next(iter(model.files.values()), ""))
    return writing.write(normal, table, model.report, title=card.title, file=file, dialect=chosen)


def _encode(model: Model, card: Format, out: Path, *, dialect: str | None, batch: int | None) -> dict[str, str]:
    from converters.format import resolve

    assert card.encode is not None
    digests = resolve(card.encode)(layers(model, card, dialect=dialect, batch=batch), out)
    assert isinstance(digests, dict)
    return digests


def _compose(model: Model, card: Format, out: Path, *, batch: int | None) -> dict[str, str]:
    from converters.format import resolve
    from converters.onnxfile.normal import rebind
    from converters.onnxfile.preparing import prepare

    assert card.compose is not None
    assert card.operators is not None
    operators = resolve(card.operators)()
    assert isinstance(operators, frozenset)
    bound = model.ir if batch is None else rebind(model.ir, model.report, inputs={}, batch=batch)
    file = str(next(iter(model.files.values()), ""))
    digests = resolve(card.compose)(prepare(bound, operators), out, model.report, file)
    assert isinstance(digests, dict)
    return digests


def convert(  # noqa: PLR0913 - each thing that can be asked of a conversion has a name
    paths: Sequence[Path | str],
    to: str,
    out: Path | str,
    *,
    options: Options | None = None,
    metadata: Mapping[str, str] | None = None,
    opset: int | None = None,
    external_data: bool = False,
    dialect: str | None = None,
    origin: Origin | None = None,
    writer: Writer | None = None,
) -> Report:
    """Convert the files of one artifact; writes `out` and `<out>.report.json`, whole or not at all.

    `metadata` goes into the ONNX file's metadata_props beside the source's digests and the tool's version. `to` "npy"
    is for files that are one array and no network, such as Caffe's average images. `origin` tells what `paths` were
    made from; `writer` writes the target instead of `write`.
    """
    card, files = identify(paths)
    if to == "npy":
        return _extract(card, files, Path(out), options or Options())
    origin = origin or Origin(card.name, files)
    digests = {role: Digest(path) for role, path in origin.files.items()}
    model = read(paths, options)
    report = model.report
    report.source_format, report.target_format = origin.format, to
    report.notes[:0] = origin.notes
    report.versions = {name: version(name) for name in ("zoo", "onnx", "onnx-ir")} | dict(origin.versions)
    report.outputs = (writer or write)(
        model, to, Path(out), opset=opset, external_data=external_data, dialect=dialect,
        closing=lambda: _provenance(report, digests, metadata or {}),
    )  # fmt: skip
    report.sources = {origin.files[role].name: digest.result() for role, digest in digests.items()}
    target = Path(out)
    write_text(target.with_name(f"{target.name}.report.json"), report.json())
    return report


def _extract(card: Format, files: Mapping[str, Path], out: Path, options: Options) -> Report:
    """One tensor of a file that may hold bare ones, as .npy in its own element type."""
    from converters.format import resolve
    from converters.npy import save
    from converters.weights import Weight

    if card.tensor is None:
        raise Diagnostic("no-tensor", f"zoo takes no single tensors out of files of {card.title}", hint="--to onnx")
    weight = resolve(card.tensor)(files, options.key)
    assert isinstance(weight, Weight)
    digests = {path.name: Digest(path) for path in files.values()}
    report = Report(source_format=card.name, outputs=save(weight, out))
    report.sources = {name: digest.result() for name, digest in digests.items()}
    report.notes.append(f"one tensor, {weight.dtype.name}, {'x'.join(map(str, weight.shape)) or 'no dimensions'}")
    write_text(out.with_name(f"{out.name}.report.json"), report.json())
    return report


def _read_onnx(card: Format, files: Mapping[str, Path], options: Options) -> Model:
    from converters.onnxfile import selection
    from converters.onnxfile.loading import load
    from converters.onnxfile.normal import rebind

    model, report = load(files["model"]), Report(source_format=card.name)
    if options.cut_at:
        selection.cut(model, options.cut_at, report)
    if options.outputs:
        selection.pick(model, options.outputs, report)
    batch = options.batch if isinstance(options.batch, int) else None
    if options.inputs or batch is not None:
        model = rebind(model, report, inputs=options.inputs or {}, batch=batch)
    return Model(model, report, files)


def _read_graph(card: Format, graph: SourceGraph, files: Mapping[str, Path], options: Options) -> Model:
    dynamic = with_batch(graph, DYNAMIC if options.batch in (None, "dynamic") else options.batch)
    try:
        return _build(card, dynamic, files, options)
    except Diagnostic as fault:
        if dynamic == graph or options.batch is not None:
            raise
        model = _build(card, graph, files, options)  # what fails here too, fails with the source's own numbers
        model.report.notes.append(f"the batch size is fixed as declared: {fault.where}: {fault.message}")
        return model


def _build(card: Format, graph: SourceGraph, files: Mapping[str, Path], options: Options) -> Model:
    from converters.hub import passes, reading
    from converters.hub.optable import gather
    from converters.onnxfile.checking import check

    assert card.ops is not None
    report = Report(source_format=card.name)
    name = str(files.get("graph") or files.get("model") or next(iter(files.values())))
    allow_missing, init = options.allow_missing, options.init
    model = reading.read(graph, gather(card.ops), report, file=name, allow_missing=allow_missing, init=init)
    passes.run(model, report)
    check(model)
    return Model(model, report, files)


def with_batch(graph: SourceGraph, batch: int | str | None) -> SourceGraph:
    """The graph with another leading dimension on all inputs, if they have one in common; else unchanged."""
    leading = {port.shape[0] if port.shape else None for port in graph.inputs}
    if batch is None or len(leading) != 1 or None in leading:
        return graph
    return replace(graph, inputs=tuple(replace(port, shape=(batch, *port.shape[1:])) for port in graph.inputs))


def _provenance(report: Report, digests: Mapping[str, Digest], metadata: Mapping[str, str]) -> dict[str, str]:
    props = {f"zoo.source.sha256.{role}": digest.result() for role, digest in digests.items()}
    return {
        **props,
        "zoo.source.format": report.source_format,
        "zoo.version": report.versions["zoo"],
        **report.metadata,
        **metadata,
    }
