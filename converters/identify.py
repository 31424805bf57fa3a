"""Which format and which role each given file has, by what is in it; a wrong file is named for what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.diagnostic import Diagnostic, Where
from converters.format import Format, formats
from converters.sniffing import Sniffed, sniff


def identify(given: Sequence[Path | str]) -> tuple[Format, Mapping[str, Path]]:
    """The format that all files share and the files by role; refuses strangers, mixtures and doubles by name."""
    paths = [Path(path) for path in given]
    if not paths:
        raise Diagnostic("no-source", "no file is given")
    found = {path: sniff(path) for path in paths}
    strangers = [path for path, what in found.items() if what.format not in formats()]
    if strangers:
        raise _strange(strangers[0], found)
    names = {str(what.format) for what in found.values()}
    if len(names) > 1:
        raise Diagnostic("mixed-formats", "the files are of different formats", details=_list(found))
    files: dict[str, Path] = {}
    for path, what in found.items():
        role = str(what.role)
        if role in files:
            raise Diagnostic("same-role", f"two files are the {role} of one network", details=_list(found))
        files[role] = path
    return formats()[names.pop()], files


def _strange(path: Path, found: Mapping[Path, Sniffed]) -> Diagnostic:
    what = found[path]
    expected = next((card for card in formats().values() if _suffix_role(card, path)), None)
    wanted = f"it is named like {expected.title}'s {_suffix_role(expected, path)}, but " if expected else ""
    if what.format is not None:
        return Diagnostic(
            "unsupported-format", f"{wanted}it is {what.what}, which zoo does not read yet", where=Where(file=str(path))
        )
    return Diagnostic(
        "not-a-model",
        f"{wanted}it is {what.what}",
        where=Where(file=str(path)),
        hint="fetch the file again; compare its size and checksum with the publisher's" if expected else None,
    )


def _suffix_role(card: Format, path: Path) -> str | None:
    return next((role for role, suffixes in card.roles.items() if path.name.endswith(suffixes)), None)


def _list(found: Mapping[Path, Sniffed]) -> list[str]:
    return [f"{path}: {what.what}" for path, what in found.items()]
