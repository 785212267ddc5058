"""Environments of Go projects: the modules that its `go.sum` names, as files for Go to read."""

from __future__ import annotations

from collections.abc import Mapping

from loccit.agents.options import EnvironmentOptions
from loccit.agents.sandbox.environments.plan import Plan, folder_of_program

_FROM = ".from"
_MODULES = "/environment/modules"


def plan(files: Mapping[str, bytes], options: EnvironmentOptions) -> Plan:
    """How what a Go project names is fetched. Raises EnvironmentFailed where there is no Go.

    Where the project has a folder `vendor`, or names nothing, nothing is fetched. Downloads are served to boxes
    as a module proxy made of files, so that Go checks each against `go.sum` again and unpacks it where it may
    write. No code of a module runs while it is fetched.
    """
    program, folders = folder_of_program("go")
    home = {} if not folders else {"PATH": str(program.parent)}
    common = {
        **home,
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOCACHE": "/tmp/go-build",  # noqa: S108 - that of the box
        "GOPATH": "/tmp/go",  # noqa: S108
        "GOSUMDB": "off",
    }
    named = "go.sum" in files and not any(path.startswith("vendor/") for path in files)
    if not named:
        return Plan(folders=folders, variables={**common, "GOPROXY": "off"})
    proxy = options.go_proxy or "https://proxy.golang.org"
    sources = ["file:///packages"] if options.packages else []
    sources += [proxy] if options.network else []
    return Plan(
        steps=(("env", "-C", _FROM, str(program), "mod", "download", "all"),),
        files={f"{_FROM}/{name}": files[name] for name in ("go.mod", "go.sum")},
        language=str(program.resolve()),
        folders=folders,
        variables={**common, "GOPROXY": f"file://{_MODULES}/cache/download"},
        installing={**common, "GOPROXY": ",".join(sources) or "off", "GOMODCACHE": _MODULES},
    )
