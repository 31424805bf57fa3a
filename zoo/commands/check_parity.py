"""`zoo check-parity`: the same network in every format and backend, compared."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("check-parity")
@click.argument("subjects", nargs=-1, required=True, metavar="SUBJECT...")
@click.option("--backends", default="", metavar="NAMES", help="Only these backends (separated by commas).")
@click.option("--require", default="", metavar="NAMES", help="These backends must run, or the status is 5.")
@click.option("--inputs", type=click.Path(path_type=Path), metavar="F.npz", help="Feed these arrays, one an input.")
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Feed the photos of a folder.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random inputs.")
@click.option("--batch", type=click.IntRange(1, 1024), default=4, show_default=True, help="How many random samples.")
@click.option("--second-opinion", default="", metavar="NAMES", help="Show other converters' results beside ours.")
@click.option("--rtol", type=float, help="Tolerance, as a share of each value.")
@click.option("--atol", type=float, help="Tolerance, as a share of the largest value of the output.")
@click.option("--why", metavar="TEXT", help="The reason for a tolerance looser than the default.")
@click.option("--json", "json_to", metavar="F", help="Write the report as JSON to a file, or to stdout (-).")
@click.option("--offline", is_flag=True, help="Use what the store holds; never open a socket.")
@click.option("--trust-first-use", is_flag=True, help="Accept files of which nobody published a checksum.")
def check_parity(
    *,
    subjects: tuple[str, ...],
    backends: str,
    require: str,
    inputs: Path | None,
    images: Path | None,
    seed: int,
    batch: int,
    second_opinion: str,
    rtol: float | None,
    atol: float | None,
    why: str | None,
    json_to: str | None,
    offline: bool,
    trust_first_use: bool,
) -> int:
    """Run SUBJECTs in every backend that reads them and compare all outputs with the reference.

    SUBJECT is a registry id (open-nsfw: every format of it; open-nsfw@caffe: one) or the files of one artifact
    joined by commas, with ::backend to pick one backend (deploy.prototxt,net.caffemodel::opencv). The reference is
    the first SUBJECT in its own framework. Formats that zoo reads are converted to ONNX and compared as well.

    Exit status: 0 agreement, 1 a difference or nothing compared, 5 a backend that was asked for did not run,
    6 inconclusive (docs/exit-status.md).
    """
    if inputs is not None and images is not None:
        raise click.UsageError("--inputs and --images exclude each other")
    from converters.outputs import write_text
    from zoo.backends.discovery import backends as cards
    from zoo.console import Console, document
    from zoo.parity import second_opinion as opinions
    from zoo.parity.check import apply
    from zoo.parity.means import Feeding, means, planned
    from zoo.parity.payload import payload
    from zoo.parity.plan import Choice
    from zoo.parity.report import outcome
    from zoo.parity.show import human
    from zoo.parity.subjects import known, parse
    from zoo.parity.tolerance import chosen

    console = Console("json" if json_to == "-" else "human")
    tolerance = chosen(rtol, atol, why)
    names = [card.name for card in cards()]
    choice = Choice(known(_names(backends), names), known(_names(require), names))
    others = [opinions.converter(name) for name in _names(second_opinion)]
    asked = [parse(text) for text in subjects]
    known([subject.backend for subject in asked if subject.backend], names)
    decided = planned(asked, choice, console, offline=offline, trust_first_use=trust_first_use)
    by = means(Feeding(inputs, images, seed))
    report = apply(decided, by, tolerance, batch)
    if others:
        report = opinions.added(report, decided, others, by, tolerance, opinions.convert)
    if json_to is not None and json_to != "-":
        write_text(Path(json_to), document("parity", payload(report)) + "\n")
    console.result("parity", payload(report), lambda: human(report))
    return outcome(report).status


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
