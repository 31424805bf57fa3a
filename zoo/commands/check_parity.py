"""`zoo check-parity`: the same network in every format and backend, compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from zoo.console import Console
    from zoo.parity.publish import Outlets
    from zoo.parity.request import Access, Request

_FILE = click.Path(path_type=Path)
_ONE = (  # of a check: the fields of zoo.parity.request.Request
    click.option("--backends", default="", metavar="NAMES", help="Only these backends (separated by commas)."),
    click.option("--require", default="", metavar="NAMES", help="These backends must run, or the status is 5."),
    click.option("--inputs", type=_FILE, metavar="F.npz", help="Feed these arrays, one an input."),
    click.option(
        "--input",
        multiple=True,
        metavar="[NAME:]DIMS",
        help="An input's shape, for files that say none (Torch7, MXNet).",
    ),
    click.option("--images", type=_FILE, metavar="DIR", help="Feed the photos of a folder."),
    click.option("--golden", type=_FILE, metavar="F.npz", help="The reference is recorded (zoo golden make)."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random inputs."),
    click.option(
        "--batch", type=click.IntRange(1, 1024), default=4, show_default=True, help="How many random samples."
    ),
    click.option("--second-opinion", default="", metavar="NAMES", help="Show other converters' results beside ours."),
    click.option(
        "--detections",
        default="",
        metavar="NAMES",
        help="Outputs to compare as sets of detections, besides; boxes=NAME,scores=NAME,labels=NAME are one set.",
    ),
    click.option("--layers", is_flag=True, help="Compare every layer, fed with the reference's values, in all runs."),
    click.option("--no-layers", is_flag=True, help="Compare outputs and logits alone; the report says so."),
    click.option("--bisect", is_flag=True, help="Write the smallest part that differs, with a script that shows it."),
    click.option(
        "--bisect-to", type=_FILE, metavar="DIR", default="bisect", show_default=True, help="Where --bisect writes."
    ),
    click.option("--rtol", type=float, help="Instead of the noise floor: tolerance as a share of each value."),
    click.option("--atol", type=float, help="Likewise, as a share of the largest value of the output."),
    click.option("--snr", type=float, metavar="DB", help="Likewise, a signal-to-noise ratio that must be reached."),
    click.option("--device", metavar="NAME", help="Backends that can compute there, do (cuda, tensorrt); TF32 is off."),
    click.option("--why", metavar="TEXT", help="The reason for --rtol, --atol or --snr."),
)
_OUTLETS = (  # of a command: the fields of zoo.parity.publish.Outlets
    click.option("--json", metavar="F", help="Write the report as JSON to a file, or to stdout (-)."),
    click.option("--junit", type=_FILE, metavar="F.xml", help="Write the report as JUnit XML."),
    click.option("--html", type=_FILE, metavar="F.html", help="Write the report as a page that needs nothing else."),
    click.option("--github", is_flag=True, help="Write annotations and the step's summary for GitHub Actions."),
)
_SEVERAL = (  # of many checks
    click.option("--project", type=_FILE, metavar="F.toml", help="The list of checks, when no SUBJECT is named."),
    click.option("--all", "every", is_flag=True, help="Check every network of the registry."),
    click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Checks side by side."),
    click.option("--no-cache", is_flag=True, help="Run what is remembered, too, and remember nothing."),
)
_REPLAY = click.option("--replay", type=_FILE, metavar="REPORT.json", help="Repeat the check of a report exactly.")
_ATTEST = click.option("--attest", is_flag=True, help="Write a certificate into the ONNX files that agree, and beside.")
_DEPTH = {"layers", "no_layers", "bisect", "bisect_to"}  # what the command line may say of every check of a list
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
@click.argument("subjects", nargs=-1, metavar="[SUBJECT...]")
@_with(_ONE, (_ATTEST, _REPLAY), _SEVERAL, _OUTLETS, _ACCESS)
@click.pass_context
def check_parity(context: click.Context, /, *, subjects: tuple[str, ...], **given: Any) -> int:
    """Run SUBJECTs in every backend that reads them and compare all outputs with the reference.

    SUBJECT is a registry id (open-nsfw: every format of it; open-nsfw@caffe: one) or the files of one artifact
    joined by commas, with ::backend to pick one backend (deploy.prototxt,net.caffemodel::opencv). The reference is
    the first SUBJECT in its own framework. Formats that zoo reads are converted to ONNX and compared as well.

    Without a SUBJECT, the checks that zoo.toml, or [tool.zoo] in pyproject.toml, lists are run (docs/ci.md).

    Exit status: 0 agreement, 1 a difference or nothing compared, 5 a backend that was asked for did not run,
    6 inconclusive (docs/exit-status.md).
    """
    from zoo.commands.arguments import fields, names
    from zoo.console import Console
    from zoo.parity.publish import Outlets
    from zoo.parity.request import Access, Request

    if given["replay"]:
        return _again(context, subjects, given)
    _fitting(context, several=not subjects)
    given |= {option: names(given[option]) for option in ("backends", "require", "second_opinion", "detections")}
    request, outlets = Request(subjects, **fields(Request, given)), Outlets(**fields(Outlets, given))
    console, access = Console(outlets.mode), Access(**fields(Access, given))
    if subjects:
        return _single(request, outlets, access, console, attest=given["attest"])
    return _several(context, request, outlets, access, console, given)


def _again(context: click.Context, subjects: tuple[str, ...], given: dict[str, Any]) -> int:
    """The check of a report once more; everything that was asked is in the report."""
    from zoo.commands.arguments import fields
    from zoo.console import Console
    from zoo.parity.publish import Outlets
    from zoo.parity.replay import replayed
    from zoo.parity.request import Access

    said = _said(context)
    more = sorted(said & {*_names(_ONE), *_names(_SEVERAL), "attest"})
    if subjects or more:
        raise click.UsageError("--replay takes the subjects and all conditions from the report")
    request, before = replayed(given["replay"])
    outlets = Outlets(**fields(Outlets, given))
    console, access = Console(outlets.mode), Access(**fields(Access, given))
    return _single(request, outlets, access, console, attest=False, replay=(given["replay"], before))


def _fitting(context: click.Context, *, several: bool) -> None:
    """Refuses options that the other kind of call has: a list of checks says its conditions itself."""
    said = _said(context)
    every = context.params["every"]
    alone = {"inputs", "images", "golden", "attest"} if every else set(_names(_ONE)) - _DEPTH
    wrong = sorted(said & (alone if several else set(_names(_SEVERAL))))
    if wrong:
        options = ", ".join(f"--{'all' if name == 'every' else name.replace('_', '-')}" for name in wrong)
        raise click.UsageError(f"{options} {'needs a SUBJECT' if several else 'is for checks without a SUBJECT'}")
    if context.params["every"] and context.params["project"]:
        raise click.UsageError("--all and --project exclude each other")


def _said(context: click.Context) -> set[str]:
    """The parameters that were typed."""
    from click.core import ParameterSource

    return {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}


def _names(options: tuple[Callable[[Any], Any], ...]) -> list[str]:
    """The parameters that these decorators add."""

    def bare() -> None:
        """Holds the options."""

    for option in options:
        option(bare)
    return [str(one.name) for one in getattr(bare, "__click_params__", ())]


def _single(
    request: Request,
    outlets: Outlets,
    access: Access,
    console: Console,
    *,
    attest: bool,
    replay: tuple[Path, dict[str, Any]] | None = None,
) -> int:
    from zoo.certificate import attesting
    from zoo.diagnostics import Diagnostic
    from zoo.parity.account import Account
    from zoo.parity.github import inert
    from zoo.parity.publish import publish
    from zoo.parity.replay import demand_same, otherwise
    from zoo.parity.request import accounted, perform, prepare, refused
    from zoo.parity.show import human

    try:
        prepared = prepare(request, console, access)
        before = attesting.demand_targets(prepared.plan) if attest else {}
        done = perform(prepared)
    except Diagnostic as fault:
        publish([refused(request, fault)], outlets, console)
        raise
    report = accounted(done, detailed=outlets.html is not None)
    if replay:
        demand_same(*replay, report)
        for one in otherwise(replay[1], report):
            console.note(f"not as it was: {one}")
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


def _several(
    context: click.Context, request: Request, outlets: Outlets, access: Access, console: Console, given: dict[str, Any]
) -> int:
    from zoo.backends.discovery import backends
    from zoo.catalog.registry import load
    from zoo.parity.account import gravest
    from zoo.parity.github import inert
    from zoo.parity.publish import checks, publish
    from zoo.project.suite import Manner, deepened, everything, listed, run, told

    apart = "bisect_to" in _said(context)
    known = [card.name for card in backends()]
    asked = everything(load(), request) if given["every"] else listed(given["project"], known)
    asked = deepened(asked, request, request.bisect_to if given["every"] or apart else None)
    manner = Manner(given["jobs"], cache=not given["no_cache"], attest=given["attest"])
    finished = run(asked, manner, console, access)
    accounts = [one.account for one in finished]
    publish(accounts, outlets, console)
    text = told(finished)
    console.result("parity-checks", checks(accounts), lambda: inert(text) if outlets.github else text)
    return gravest([account.status for account in accounts])
