"""The words of the command line: `open-nsfw`, `open-nsfw@caffe::opencv`, `deploy.prototxt,net.caffemodel::caffe`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath

from zoo.catalog.artifact import is_path
from zoo.diagnostics import UsageFault


@dataclass(frozen=True, slots=True)
class Subject:
    """One SUBJECT: where its artifact comes from (an id, or files) and the backend that it names, if any."""

    source: str | tuple[str, ...]
    backend: str | None = None


def parse(text: str) -> Subject:
    """Reads one SUBJECT; a comma makes it a list of files, `::` names the backend. Raises UsageFault."""
    source, mark, backend = text.partition("::")
    parts = source.split(",")
    if not all(parts) or (mark and not backend) or "::" in backend:
        raise UsageFault(
            "subject",
            f"{text!r} is no subject",
            hint="an id (open-nsfw, open-nsfw@caffe) or files joined by commas, then perhaps ::backend",
        )
    return Subject(tuple(parts) if len(parts) > 1 else source, backend or None)


def located(text: str, folder: Path) -> str:
    """A SUBJECT whose files are found from `folder`; names of the registry stay."""
    source, mark, backend = text.partition("::")
    parts = source.split(",")
    if len(parts) > 1 or is_path(source, folder):
        parts = [str(folder / part) for part in parts]
    return ",".join(parts) + mark + backend


def known(asked: Iterable[str], backends: Sequence[str]) -> tuple[str, ...]:
    """The names asked for, once each; raises UsageFault for the first ones that no backend bears, all of them."""
    names = tuple(dict.fromkeys(asked))
    unknown = [name for name in names if name not in backends]
    if not unknown:
        return names
    near = [match for name in unknown for match in get_close_matches(name, backends, n=1)]
    raise UsageFault(
        "unknown-backend",
        f"no backend is called {' or '.join(unknown)}; there are {', '.join(backends)}",
        hint=f"did you mean {', '.join(near)}?" if near else "zoo backends lists them",
    )


def short(labels: Sequence[str]) -> dict[str, str]:
    """Label -> the same without the folders of its files, or the label itself where two would become one."""
    names = {label: ",".join(PurePath(part).name for part in label.split(",")) for label in labels}
    taken = Counter(names.values())
    return {label: name if taken[name] == 1 else label for label, name in names.items()}
