"""The `rfgraph` command itself: its subcommands, its version, and what its exit status means."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from rfgraph import __version__
from rfgraph.cli.emit import drop_output
from rfgraph.errors import ModelError, RfgraphError

OK = 0
FINDINGS = 1
MISUSE = 2
INTERRUPTED = 130

COMMANDS = {
    "analyze": ("rfgraph.cli.analyze", "Print the receptive field of every node of a model."),
    "audit": ("rfgraph.cli.audit", "Print what is suspicious about a model, and how to fix it."),
    "check": ("rfgraph.cli.check", "Check predicted fields against the model itself."),
    "diff": ("rfgraph.cli.diff", "Show what differs between two reports or models, and why."),
    "features": ("rfgraph.cli.features", "Draw what a module makes of a picture."),
    "patches": ("rfgraph.cli.patches", "Find the parts of pictures that excite a channel."),
    "plot": ("rfgraph.cli.plot", "Draw what nodes can see, and how it grows."),
    "report": ("rfgraph.cli.report", "Write everything as one HTML file."),
    "stream": ("rfgraph.cli.stream", "Print latency, look-ahead and state on a stream."),
    "suggest": ("rfgraph.cli.suggest", "Find single changes that give a wanted field."),
    "tile": ("rfgraph.cli.tile", "Plan inference in tiles that equals the whole."),
}
"""Subcommand: the module whose function of that name is the command, and its short help."""


class _LazyGroup(click.Group):
    """A group that imports a subcommand when it is run, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SystemExit as error:
            # No command exits by itself: this is the user's code, whose status is not ours.
            raise ModelError(
                f"The model, or what builds it, raised SystemExit: {error}; it has to return."
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="rfgraph")
def cli() -> None:
    """Exact receptive fields of every node of a PyTorch model.

    \b
    Examples:
      rfgraph analyze torchvision:resnet50
      rfgraph analyze timm:convnext_tiny --nodes 'stages.3*'
      rfgraph analyze path/to/model.py:build --input 1x3x512x512 --output fields.yaml

    Exit status: 0 if all is well, 1 if something was found, 2 if the command was misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command with `arguments`, or with those of the process, and exit.

    Raises:
        SystemExit: Always, with the exit status.
    """
    try:
        status = cli.main(arguments, prog_name="rfgraph", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(MISUSE)
    except RfgraphError as error:
        _tell(str(error))
        sys.exit(MISUSE)
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has left: there is nobody to write to, also not at exit.
        drop_output()
        sys.exit(OK)
    sys.exit(status if isinstance(status, int) else OK)


def _tell(message: str) -> None:
    click.echo(f"rfgraph: error: {' '.join(message.split())}", err=True)
