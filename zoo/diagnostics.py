"""The faults of the command line beside those of the converters; one class an exit status."""

from __future__ import annotations

from converters.diagnostic import Diagnostic, IntegrityFault, OutputFault, Where

__all__ = ["BackendFault", "Diagnostic", "IntegrityFault", "OutputFault", "TransferFault", "UsageFault", "Where"]


class UsageFault(Diagnostic):
    """The command was called with arguments that cannot mean anything."""

    exit_status = 2


class TransferFault(IntegrityFault):
    """A file could not be brought here from any of its mirrors."""


class BackendFault(Diagnostic):
    """A backend is not available, or its worker failed."""

    exit_status = 5
