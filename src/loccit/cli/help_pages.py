"""How a command's help page is laid out: names as a person writes them, without the types of the parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter


class Command(TyperCommand):
    """A command whose usage line and arguments read as in a manual: `loccit verify [OPTIONS] FILE`."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """The words after the command's name."""
        arguments = [_written(param) for param in self.get_params(ctx) if _is_argument(param)]
        return ["[OPTIONS]", *arguments]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the arguments, then the options."""
        shown = [param for param in self.get_params(ctx) if param.get_help_record(ctx)]
        arguments = [
            (_written(param), str(getattr(param, "help", ""))) for param in shown if _is_argument(param)
        ]
        options = [record for p in shown if not _is_argument(p) and (record := p.get_help_record(ctx))]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl(options)


def _is_argument(param: Parameter) -> bool:
    return param.param_type_name == "argument"


def _written(param: Parameter) -> str:
    name = str(param.metavar)
    return f"{name if param.required else f'[{name}]'}{'' if param.nargs == 1 else '...'}"
