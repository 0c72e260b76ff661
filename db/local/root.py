"""Postgres refuses to run as root: then it runs as the owner of its data, or as nobody."""

import os
import pwd
import shutil
import signal
from pathlib import Path

from db.local.directory import LocalError

# Directories above the data and the program may be root's alone, such as /root, so one right of root's is
# kept: passing them. Without the securebit access(2), with which Postgres finds itself, ignores it.
KEEP = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]


def unprivileged(home: Path, death_signal: signal.Signals) -> list[str]:
    """The words before a command of Postgres's: none, unless we are root.

    They end in exec, so the process started is Postgres itself; *death_signal* is sent when its parent dies,
    which has to be asked for again after a change of user.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalError("Postgres refuses to run as root and setpriv (util-linux) was not found: run as another user")
    user, group = _owner(home)
    who = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    return [setpriv, f"--pdeathsig={death_signal.name.removeprefix('SIG')}", *who, *KEEP]


def give(home: Path) -> None:
    """Hand what root owns in *home*, when we are root, to the user that Postgres runs as."""
    if os.geteuid() != 0 or home.stat().st_uid != 0:
        return
    user, group = _owner(home)
    for path in [*home.rglob("*"), home]:
        os.chown(path, user, group, follow_symlinks=False)


def _owner(home: Path) -> tuple[int, int]:
    found = home.stat() if home.exists() else None
    if found and found.st_uid != 0:
        return found.st_uid, found.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise LocalError("Postgres refuses to run as root and there is no user nobody: run as another user") from error
    return nobody.pw_uid, nobody.pw_gid
