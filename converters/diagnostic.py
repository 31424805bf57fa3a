"""Every fault a user can meet is a `Diagnostic`: what happened, where, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a source file, as precise as the reader can say."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    byte: int | None = None
    layer: str | None = None

    def __str__(self) -> str:
        """Reads `deploy.prototxt:12:3: layer "fc6" (InnerProduct)`; unknown parts are left out."""
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        if self.byte is not None:
            place += f" at byte {self.byte}" if place else f"byte {self.byte}"
        if self.layer is not None:
            place += f": layer {self.layer}" if place else f"layer {self.layer}"
        return place


NOWHERE = Where()


class Diagnostic(Exception):
    """A refusal with a stable code; `str()` is the whole message that a person reads.

    `details` are further lines (a table, the other faults found in the same pass), `hint` is the next
    thing to type. Subclasses differ only in the exit status of the command line (docs/exit-status.md).
    """

    exit_status: ClassVar[int] = 3

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: Where = NOWHERE,
        details: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.where = where
        self.details = tuple(details)
        self.hint = hint

    def __str__(self) -> str:
        place = str(self.where)
        head = f"{place}: {self.message}" if place else self.message
        lines = [head, *(f"    {line}" for line in self.details)]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class OutputFault(Diagnostic):
    """The result could not be written; nothing half-written is left behind."""

    exit_status = 2


class IntegrityFault(Diagnostic):
    """Bytes are not what they should be, or could not be brought here or stored whole."""

    exit_status = 4
