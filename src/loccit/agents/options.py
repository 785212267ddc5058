"""What an operator may choose about agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from loccit.core.errors import SettingsError

Role = Literal["destination", "target", "amount", "name", "content", "files", "option"]


@dataclass(frozen=True, slots=True)
class McpToolOptions:
    """One tool of another MCP server that agents may call.

    digest: that of its name, description and schema, as `loccit tools approve` wrote it. Another one is
        refused, and so is none.
    effect: what a call does. Without a word it is taken to reach somebody else.
    roles: what its arguments are for, by name; one that is not named is taken for a destination.
    secret: whether what it gives is confidential.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    digest: str = ""
    effect: Literal["read", "egress", "write"] = "egress"
    roles: dict[str, Role] = field(default_factory=dict[str, Role])
    secret: bool = False


@dataclass(frozen=True, slots=True)
class McpServerOptions:
    """Another MCP server: a program of this machine, or an address.

    command: the program and its arguments; it is started with a clean environment.
    url: the address of its endpoint (streamable HTTP); one of the two.
    variables: environment variables that the program is handed besides.
    key_variable: the environment variable with the bearer token for the address; empty: none.
    tools: those that may be called, by the server's own names.
    start_timeout_s: how long it may take until it has listed its tools.
    timeout_s: how long a call may take.
    result_characters: a longer result is cut.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    command: tuple[str, ...] = ()
    url: str = ""
    variables: tuple[str, ...] = ()
    key_variable: str = ""
    tools: dict[str, McpToolOptions] = field(default_factory=dict[str, McpToolOptions])
    start_timeout_s: float = 20.0
    timeout_s: float = 60.0
    result_characters: int = 200_000

    def __post_init__(self) -> None:
        if bool(self.command) == bool(self.url):
            raise SettingsError(
                "an MCP server of [agents.mcp] has both a command and a url, or neither",
                next_step="name the program to start, or the address of its endpoint",
            )


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How agents work.

    context_tokens: the most that a model is shown at once.
    rule_files: the names of files in which a repository says how it is to be worked on.
    skills: folders of your own with skills, beside `skills` in the home folder.
    mcp: other MCP servers whose tools agents may call, by a name of your choice.
    """

    context_tokens: int = 60_000
    rule_files: tuple[str, ...] = ("AGENTS.md",)
    skills: tuple[str, ...] = ()
    mcp: dict[str, McpServerOptions] = field(default_factory=dict[str, McpServerOptions])
