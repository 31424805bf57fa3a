"""Any network -> an ExportedProgram: zoo writes the module, PyTorch exports it, and loads what it saved once more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import converters
from converters.outputs import beside, sha256
from zoo.diagnostics import Diagnostic, UsageFault, Where
from zoo.export.exporter import Exported, Port, export
from zoo.export.network import demand_agreement

if TYPE_CHECKING:
    import onnx_ir as ir

    from converters.hub.report import Report

SUFFIX = ".pt2"


def convert(  # noqa: PLR0913 - each thing that can be asked of a conversion has a name
    paths: Sequence[Path],
    to: str,
    out: Path,
    *,
    options: converters.Options,
    metadata: Mapping[str, str],
    opset: int | None,
    external_data: bool,
    dialect: str | None,
    origin: converters.Origin | None,
) -> Report:
    """Write `out`, a .pt2 file that torch.export.load reads, and its report; the arguments are those of converters.

    The batch is free where the network's is and PyTorch can keep it so.
    """
    if out.suffix != SUFFIX:
        raise UsageFault(
            "output-kind", f"{out}: an ExportedProgram is one {SUFFIX} file", hint=f"-o {out.stem}{SUFFIX}"
        )
    return converters.convert(
        paths, to, out, options=options, metadata=metadata, opset=opset, external_data=external_data, dialect=dialect,
        origin=origin, writer=partial(_write, must=options.batch == "dynamic"),
    )  # fmt: skip


def _write(
    model: converters.Model,
    to: str,
    out: Path,
    *,
    must: bool,
    opset: int | None,
    external_data: bool,
    dialect: str | None,
    closing: Callable[[], Mapping[str, str]],
) -> dict[str, str]:
    with TemporaryDirectory(prefix="zoo-export-") as folder:
        written, made = Path(folder) / "written", Path(folder) / f"program{SUFFIX}"
        converters.write(model, to, written, opset=opset, external_data=external_data, dialect=dialect)
        exported = _exported(written, made, _ports(model.ir, str(out)), str(out), model.report, must=must)
        demand_agreement(str(out), exported.examples, [example.again for example in exported.examples])
        model.report.notes.append("the saved program, loaded again, agrees with the module")
        with made.open("rb") as source, beside(out) as target, os.fdopen(target, "wb", closefd=False) as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        return {out.name: sha256(made)}


def _ports(model: ir.Model, label: str) -> list[Port]:
    """What the module takes; a size without a number must be the first one."""
    ports = []
    for value in model.graph.inputs:
        if value.name in model.graph.initializers:
            continue
        sizes = [size if isinstance(size, int) else str(size) for size in value.shape or ()]
        if value.shape is None or value.dtype is None or any(isinstance(size, str) for size in sizes[1:]):
            raise Diagnostic(
                "input-shape",
                f'the input "{value.name}" has sizes without a number',
                where=Where(file=label),
                hint=f"--input {value.name}:1,3,224,224",
            )
        ports.append(Port(str(value.name), tuple(sizes), value.dtype.numpy().name))
    return ports


def _exported(written: Path, made: Path, ports: Sequence[Port], label: str, report: Report, *, must: bool) -> Exported:
    """The program with a free batch, or with a batch of 1 where PyTorch cannot keep it free."""
    files = {"code": written / "model.py", "weights": written / "model.safetensors"}
    free = any(isinstance(port.shape[0], str) for port in ports if port.shape)
    try:
        return export("written", files, made, label=label, ports=ports, options={})
    except Diagnostic as fault:
        if not free or must or fault.code != "export-refused":
            raise
        report.notes.append(f"the batch size is fixed at 1: {fault.message}")
    fixed = [port.fixed(1) for port in ports]
    return export("written", files, made, label=label, ports=fixed, options={})
