"""The command table: names and summaries as strings, so that `zoo --help` imports no command."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click

from zoo import __version__


class Row(NamedTuple):
    """Where a command lives (`module:attribute`) and the line that help shows for it."""

    address: str
    summary: str


COMMANDS: dict[str, Row] = {
    "pull": Row("zoo.commands.pull:pull", "Bring a published model into the store, verified."),
    "ls": Row("zoo.commands.ls:ls", "List the models that the registry knows."),
    "show": Row("zoo.commands.show:show", "Show the card of one model."),
    "convert": Row("zoo.commands.convert:convert", "Convert a model from one format to another."),
    "inspect": Row("zoo.commands.inspect:inspect", "Say what is in a file: graph, tensors, what can be converted."),
    "run": Row("zoo.commands.run:run", "Run a model on an image or on arrays."),
    "check-parity": Row("zoo.commands.check_parity:check_parity", "Compare a model across formats and backends."),
    "golden": Row("zoo.commands.golden:golden", "Record a reference's answers, to check without its framework."),
    "verify": Row("zoo.commands.verify:verify", "Hold the certificate of parity in an ONNX file against the file."),
    "relocate": Row("zoo.commands.relocate:relocate", "Move weights between GPU and CPU, in the file."),
    "backends": Row("zoo.commands.backends:backends", "List, install and remove the backends that run models."),
    "cache": Row("zoo.commands.cache:cache", "Look after the store of downloaded files."),
    "bundle": Row("zoo.commands.bundle:bundle", "Write models into one file for machines without a network."),
    "import": Row("zoo.commands.import_:import_", "Take the models of a bundle into the store."),
    "registry": Row("zoo.commands.registry:registry", "Look after registries of your own."),
    "doctor": Row("zoo.commands.doctor:doctor", "Say what this machine can do and what it lacks."),
}


class LazyGroup(click.Group):
    """A click group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table: the order in which a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None for a name that the table does not hold."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        module, _, attribute = row.address.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Unknown names are answered with the nearest ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else " See zoo --help."
            raise click.UsageError(f"no such command: {args[0]}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zoo")
def cli() -> None:
    """Bring pretrained networks back to life: pull, convert, check, relocate."""
