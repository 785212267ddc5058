"""`loccit prompts`: what models are asked, word for word."""

from __future__ import annotations

from typing import Annotated

import typer

from loccit.cli.options import Json


def prompts(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this prompt whole; without one, list them.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show the prompts that models are asked with, and their versions.

    {{words in double braces}} stand for what is put in. The record of a run names the prompts that it used.
    """
    from loccit.cli.output import Style, emit, say, say_styled
    from loccit.core.errors import InputError
    from loccit.wiring import all_prompts

    found = {template.name: template for template in all_prompts()}
    if name is not None and name.partition("@")[0] not in found:
        raise InputError(f"there is no prompt {name!r}", next_step=f"there are {', '.join(found)}")
    chosen = [found[name.partition("@")[0]]] if name else list(found.values())
    if json:
        emit(
            {
                "prompts": [
                    {
                        "name": one.name,
                        "version": one.version,
                        "purpose": one.purpose,
                        "variables": sorted(one.variables),
                        "messages": [{"speaker": m.speaker.value, "text": m.text} for m in one.messages],
                    }
                    for one in chosen
                ]
            }
        )
        return
    style = Style()
    for one in chosen:
        say_styled(f"{style(one.id, 'bold')}  {style(one.purpose)}")
        if name:
            for message in one.messages:
                say_styled("")
                say_styled(style(f"{message.speaker.value}:", "cyan"))
                say(message.text)
