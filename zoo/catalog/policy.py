"""Which licences a project allows: `commercial`, or SPDX names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from zoo.diagnostics import Diagnostic

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry

COMMERCIAL = "commercial"


def allowed(entry: Entry, policy: Sequence[str]) -> bool:
    """Whether one of the words of the policy holds: `commercial` (use is certainly allowed) or the SPDX name."""
    licence = entry.licence
    words = {word.lower() for word in policy}
    return (COMMERCIAL in words and licence.commercial == "yes") or (licence.spdx or "").lower() in words - {""}


def require(entries: Iterable[Entry], policy: Sequence[str]) -> None:
    """Refuse every entry that the policy does not allow; an empty policy allows all.

    Raises:
        Diagnostic: `licence-not-allowed`, with what each publisher says.
    """
    refused = [entry for entry in entries if policy and not allowed(entry, policy)]
    if refused:
        raise Diagnostic(
            "licence-not-allowed",
            f"{len(refused)} model(s) have a licence that --allow-license {','.join(policy)} does not name",
            details=[
                f"{entry.id}: {entry.licence.spdx or 'no SPDX name'}, commercial use {entry.licence.commercial}: "
                f"{entry.licence.published}"
                for entry in refused
            ],
            hint="zoo show --licenses ID tells what the publisher says",
        )
