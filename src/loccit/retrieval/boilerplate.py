"""What an issue's template says rather than its author: fixed headings and sentences, and lists of versions.

Words of these stand in every issue of a tracker, and in the few files that speak of platforms and versions.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_ENVIRONMENT = re.compile(
    r"(?:your |system |software |full |my )?(?:environment|env|versions?|system|platform"
    r"|operating system|os|python|browser|installation)"
    r"(?: ?[/&] ?(?:environment|versions?|os))?(?: info(?:rmation)?| details| configuration"
    r"| used| version)*"
    r"|installed versions|output of .{0,40}(?:version|info|debug).{0,20}|versions? and (?:os"
    r"|platform|system|environment)"
    r"|[\w.+-]{1,30} (?:versions?|backend)|(?:\w+ ){0,2}extensions|extra tools"
    r"|additional (?:dependencies|tools)|pip (?:list|freeze)"
    r"|checklist|mvce confirmation|your project|screenshots?",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"(?:bug |issue |problem |feature )?(?:description|summary|report|details|request)|problem"
    r"|describe (?:the |your )?(?:bug|issue|problem|feature|solution"
    r"|alternatives).{0,40}|(?:steps|how|code|steps/code)(?: for| to)? (?:reproduc\w+"
    r"|repro)(?:ing)?(?: the .{1,30})?|to reproduce|reproduc(?:tion|er|ing)(?: .{1,20})?"
    r"|(?:expected|actual|current|observed|desired)(?: |/\w+ )?(?:behaviou?r|results?|outcome"
    r"|output)|what (?:happened|did you expect.{0,30}|you expected.{0,30}|actually happens"
    r"|happens.{0,10}"
    r"|is (?:the )?(?:expected|current).{0,30})|additional (?:context|info|information|notes)"
    r"|anything else.{0,40}|(?:possible |proposed |suggested )?(?:fix|solution|implementation)"
    r"|minimal (?:complete )?(?:verifiable |reproducible )?(?:code )?(?:example|sample)"
    r"|mcve(?: code sample)?|relevant log output|logs?|configuration|command used|motivation"
    r"|use case"
    r"|is your feature request related to a problem.{0,30}|describe the solution you.{0,20}"
    r"|describe alternatives.{0,30}|problem description|context|references?|output",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"a clear and concise description of .{0,100}|add any other (?:context|information).{0,60}"
    r"|if applicable, add screenshots.{0,60}"
    r"|steps to reproduce(?: the behaviou?r)?(?: \(.{0,60}\))?:?|link to your .{0,80}"
    r"|_?no response_?|!?\[?image\]?.{0,5}|please (?:fill|describe|provide|include|use"
    r"|make sure|check|search) .{0,120}"
    r"|\(?last modified by .{0,40}\)?|-?\s*\[[ xX]\].{0,200}|(?:e\.g\.|for example),? .{0,60}",
    re.IGNORECASE,
)
# `python: 3.8.2`, `- OS: [e.g. Linux] Ubuntu`, `scipy: None`, `numpy 1.21.0`.
_VERSION_LINE = re.compile(
    r"[-*>|\s]{0,8}[\w./ ()-]{1,40}?(?:\s{0,4}[:=|]{1,2}\s{0,8}|\s{1,8})(?:\[e\.g[^\]\n]{0,80}\]\s{0,4})?"
    r"(?:v?\d+(?:\.\d+)+[\w.+ ()\[\]:,/-]{0,60}|none|n/?a|null|x86_64|little|64|utf-8"
    r"|en_us\.utf-8)\s{0,4}\|?",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"[-*>|\s]{0,8}(?:os|operating system|platform|python|python version|browser|version"
    r"|machine|processor|byteorder|lang|lc_all|locale|os-release|commit"
    r"|[\w.+-]{1,30} version|executable|libhdf5|libnetcdf|python-bits)\s{0,4}[:=].{0,120}",
    re.IGNORECASE,
)
_MOST_LINE = 300


def without_boilerplate(text: str, headings: Collection[str] = ()) -> str:
    """The lines of a text that its author wrote about the matter. `headings` are those of the text, as
    written.
    """
    titles = {heading.strip() for heading in headings}
    kept: list[str] = []
    in_environment = False
    for line in text.split("\n"):
        said = line.strip().strip("*_:#? ").strip()
        if line.strip() in titles or said in titles:
            in_environment = bool(_ENVIRONMENT.fullmatch(said[:_MOST_LINE]))
            if in_environment or _HEADING.fullmatch(said[:_MOST_LINE]):
                continue
        elif in_environment:
            continue
        if said and len(said) <= _MOST_LINE and _is_boilerplate(line.strip(), said):
            continue
        kept.append(line)
    return "\n".join(kept)


def _is_boilerplate(line: str, said: str) -> bool:
    return any(pattern.fullmatch(said) for pattern in (_SENTENCE, _HEADING)) or any(
        pattern.fullmatch(line) for pattern in (_VERSION_LINE, _LABELLED)
    )
