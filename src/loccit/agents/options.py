"""What an operator may choose about agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import ClassVar, Literal

from loccit.core.errors import SettingsError

Role = Literal["destination", "target", "amount", "name", "content", "files", "option"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one loop, or one run, may use before it is ended.

    `steps`: replies of the model. `tool_calls`: calls of tools, those that are refused too. `tokens`: read
    and written together. `usd`: what may be paid; reserved before each call, so it is never passed.
    `seconds`: of work; time in which nobody worked on it, or a person was waited for, does not count.
    `output_bytes`: of what tools give. `repeats`: how often the same call may give the same before that is
    taken for going round in circles.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    steps: int = 100
    tool_calls: int = 300
    tokens: int = 5_000_000
    usd: Decimal = Decimal(5)
    seconds: float = 3_600.0
    output_bytes: int = 20_000_000
    repeats: int = 3


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """How what a project needs is installed, in a box of its own, before anything of the project runs.

    network: whether that box may reach the network; without it only `packages` is there to install from.
    build: whether code of dependencies may run while they are installed (setup.py of source distributions,
        install scripts of npm); only what is ready to use otherwise.
    packages: a folder with wheels, source distributions and npm tarballs to install from; empty: none.
    index_url: the Python package index; empty: that of the installer.
    npm_registry: the npm registry; empty: that of npm.
    go_proxy: the Go module proxy; empty: that of Go.
    timeout_s: how long an installation may take.
    bytes: how much an environment may hold.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    network: bool = False
    build: bool = False
    packages: str = ""
    index_url: str = ""
    npm_registry: str = ""
    go_proxy: str = ""
    timeout_s: float = 900.0
    bytes: int = 2_000_000_000

    def __post_init__(self) -> None:
        _check_positive("agents.sandbox.environments", self)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What a box may use: untrusted code runs in nothing else.

    bwrap: bubblewrap's program, by name or path.
    needs_cgroup: whether a box is refused where neither memory nor processes can be limited as a whole.
    work_bytes: the size of the work folder; it lies in memory.
    temporary_bytes: the size of /tmp, which lies in memory too.
    memory_bytes: memory of all processes together, with both folders where a cgroup counts it.
    processes: processes and threads at a time.
    open_files: open files of a process.
    file_bytes: the size of one file.
    timeout_s: how long a command may take that says nothing else.
    output_bytes: how much is kept of each of a command's outputs, its beginning and its end.
    printed_bytes: how much a command may print before it is stopped.
    copied_files, copied_bytes: how much may be copied out of a box at once.
    environments: how what a project needs is installed.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    bwrap: str = "bwrap"
    needs_cgroup: bool = False
    work_bytes: int = 1_000_000_000
    temporary_bytes: int = 250_000_000
    memory_bytes: int = 3_000_000_000
    processes: int = 256
    open_files: int = 1_024
    file_bytes: int = 500_000_000
    timeout_s: float = 300.0
    output_bytes: int = 200_000
    printed_bytes: int = 100_000_000
    copied_files: int = 10_000
    copied_bytes: int = 100_000_000
    environments: EnvironmentOptions = field(default_factory=EnvironmentOptions)

    def __post_init__(self) -> None:
        _check_positive("agents.sandbox", self)
        if self.memory_bytes <= self.work_bytes + self.temporary_bytes:
            raise SettingsError(
                f"agents.sandbox.memory_bytes is {self.memory_bytes:,}, and both folders may hold"
                f" {self.work_bytes + self.temporary_bytes:,}",
                next_step="write more than work_bytes and temporary_bytes together",
            )


@dataclass(frozen=True, slots=True)
class FixOptions:
    """How issues are fixed.

    test_timeout_s: how long one run of tests, of a formatter or a linter may take.
    suite_timeout_s: the same for the whole suite, which runs once a round; 0: it is not run.
    token_variable: the environment variable whose token pushes branches and opens pull requests; empty: the
        one that issues of the same host are read with.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    test_timeout_s: float = 300.0
    suite_timeout_s: float = 900.0
    token_variable: str = ""


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
    """How agents run.

    `model`: who decides what is done next, PROVIDER:MODEL; empty: the model that writes answers, with its
    fallbacks. `limits` bound each run. `context_tokens`: the longest conversation that the model is shown.
    `most_reply_tokens`: the longest reply of it. `tool_timeout_s`: how long one call of a tool may take.
    `runs_at_once`: in one process. `blueprints`: those of one's own, by name: "package.module:function".
    `sandbox`: what a box that runs untrusted code may use. `fix`: how issues are fixed.
    `rule_files`: names of files in which a repository says how it is to be worked on. `skills`: folders of
    your own with skills, beside `skills` in the home folder. `mcp`: other MCP servers whose tools may be
    called, by a name of your choice.
    """

    model: str = ""
    limits: Limits = field(default_factory=Limits)
    context_tokens: int = 100_000
    most_reply_tokens: int = 8_000
    tool_timeout_s: float = 900.0
    runs_at_once: int = 2
    blueprints: dict[str, str] = field(default_factory=dict[str, str])
    rule_files: tuple[str, ...] = ("AGENTS.md",)
    skills: tuple[str, ...] = ()
    mcp: dict[str, McpServerOptions] = field(default_factory=dict[str, McpServerOptions])
    sandbox: SandboxOptions = field(default_factory=SandboxOptions)
    fix: FixOptions = field(default_factory=FixOptions)


def _check_positive(table: str, options: EnvironmentOptions | SandboxOptions) -> None:
    for one in fields(options):
        value = getattr(options, one.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise SettingsError(f"{table}.{one.name} is {value!r}", next_step="write a number above 0")
