"""The user's own settings that fetching honours: credentials, proxy, CA, ssh command, rewritten URLs."""

from __future__ import annotations

import os
import re

from loccit.core.errors import SettingsError
from loccit.sources.git import complaint, inherited_environment, run_git

# Keys as git prints them: section and name in lower case, what is between as written.
_TAKEN = re.compile(
    r"(credential\.(.+\.)?[a-z]+"
    r"|http\.(.+\.)?(proxy|proxyauthmethod|proxysslcert|proxysslkey|proxysslcertpasswordprotected|proxysslcainfo"
    r"|sslcainfo|sslcapath|sslcert|sslkey|sslcertpasswordprotected|sslbackend|schannelusesslcainfo)"
    r"|url\..+\.insteadof|core\.sshcommand|ssh\.variant)\Z",
    re.DOTALL,
)


def user_settings(folder: str) -> list[tuple[str, str]]:
    """The user's global settings that fetching honours, in their order.

    `folder` is one of ours, outside any repository. Raises SettingsError when the user's configuration cannot
    be read.
    """
    environment = inherited_environment(("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")) | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": os.devnull,
        "LC_ALL": "C",
    }
    listing = run_git(["config", "--list", "--includes", "--null"], environment=environment, folder=folder)
    if listing.returncode:
        raise SettingsError(
            f"your git configuration cannot be read: {complaint(listing.stderr)}",
            next_step="run 'git config --global --list' to see what is wrong",
        )
    found: list[tuple[str, str]] = []
    for item in listing.stdout.decode("utf-8", "surrogateescape").split("\0"):
        key, has_value, value = item.partition("\n")
        if _TAKEN.match(key):
            found.append((key, value if has_value else "true"))
    return found


def as_environment(settings: list[tuple[str, str]]) -> dict[str, str]:
    """The settings as variables that git reads: so no copy of a secret is ever written."""
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
