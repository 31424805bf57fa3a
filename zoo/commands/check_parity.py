"""`zoo check-parity`: the same network in every format and backend, compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path)
_ONE = (  # of a check: the fields of zoo.parity.request.Request
    click.option("--backends", default="", metavar="NAMES", help="Only these backends (separated by commas)."),
    click.option("--require", default="", metavar="NAMES", help="These backends must run, or the status is 5."),
    click.option("--inputs", type=_FILE, metavar="F.npz", help="Feed these arrays, one an input."),
    click.option("--images", type=_FILE, metavar="DIR", help="Feed the photos of a folder."),
    click.option("--golden", type=_FILE, metavar="F.npz", help="The reference is recorded (zoo golden make)."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random inputs."),
    click.option(
        "--batch", type=click.IntRange(1, 1024), default=4, show_default=True, help="How many random samples."
    ),
    click.option("--second-opinion", default="", metavar="NAMES", help="Show other converters' results beside ours."),
    click.option("--rtol", type=float, help="Instead of the noise floor: tolerance as a share of each value."),
    click.option("--atol", type=float, help="Likewise, as a share of the largest value of the output."),
    click.option("--snr", type=float, metavar="DB", help="Likewise, a signal-to-noise ratio that must be reached."),
    click.option("--why", metavar="TEXT", help="The reason for --rtol, --atol or --snr."),
)
_OUTLETS = (  # of a command: the fields of zoo.parity.publish.Outlets
    click.option("--json", metavar="F", help="Write the report as JSON to a file, or to stdout (-)."),
    click.option("--junit", type=_FILE, metavar="F.xml", help="Write the report as JUnit XML."),
    click.option("--html", type=_FILE, metavar="F.html", help="Write the report as a page that needs nothing else."),
    click.option("--github", is_flag=True, help="Write annotations and the step's summary for GitHub Actions."),
)
_ATTEST = click.option("--attest", is_flag=True, help="Write a certificate into the ONNX files that agree, and beside.")
_ACCESS = (  # to files: the fields of zoo.parity.request.Access
    click.option("--offline", is_flag=True, help="Use what the store holds; never open a socket."),
    click.option("--trust-first-use", is_flag=True, help="Accept files of which nobody published a checksum."),
)


def _with(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return decorate


@click.command("check-parity")
@click.argument("subjects", nargs=-1, required=True, metavar="SUBJECT...")
@_with(_ONE, (_ATTEST,), _OUTLETS, _ACCESS)
def check_parity(*, subjects: tuple[str, ...], attest: bool, **given: Any) -> int:
    """Run SUBJECTs in every backend that reads them and compare all outputs with the reference.

    SUBJECT is a registry id (open-nsfw: every format of it; open-nsfw@caffe: one) or the files of one artifact
    joined by commas, with ::backend to pick one backend (deploy.prototxt,net.caffemodel::opencv). The reference is
    the first SUBJECT in its own framework. Formats that zoo reads are converted to ONNX and compared as well.

    Exit status: 0 agreement, 1 a difference or nothing compared, 5 a backend that was asked for did not run,
    6 inconclusive (docs/exit-status.md).
    """
    from zoo.certificate import attesting
    from zoo.commands.arguments import fields, names
    from zoo.console import Console
    from zoo.diagnostics import Diagnostic
    from zoo.parity.account import Account
    from zoo.parity.github import inert
    from zoo.parity.publish import Outlets, publish
    from zoo.parity.request import Access, Request, accounted, perform, prepare, refused
    from zoo.parity.show import human

    given |= {option: names(given[option]) for option in ("backends", "require", "second_opinion")}
    request = Request(subjects, **fields(Request, given))
    outlets = Outlets(**fields(Outlets, given))
    console = Console(outlets.mode)
    try:
        prepared = prepare(request, console, Access(**fields(Access, given)))
        before = attesting.demand_targets(prepared.plan) if attest else {}
        done = perform(prepared)
    except Diagnostic as fault:
        publish([refused(request, fault)], outlets, console)
        raise
    report = accounted(done, detailed=outlets.html is not None)
    if attest:
        report["attested"] = attesting.attest(done, report, before)
        for one in report["attested"]:
            console.note(f"{one['file']} has its certificate, and {one['sidecar']} lies beside it")
        if not report["attested"]:
            console.note("no certificate is written: the check does not say yes")
    account = Account(request.name, report)
    publish([account], outlets, console)
    text = human(done.report)
    console.result("parity", account.report, lambda: inert(text) if outlets.github else text)
    return account.status
