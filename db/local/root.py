"""For root, who may not run Postgres: it runs as the owner of its data, or as nobody."""

import os
import pwd
import shutil
import signal
import sys
from pathlib import Path

from db.local.directory import LocalError

# Directories above the data and the program may be root's alone, such as /root, so the right to pass them is kept.
# Postgres finds itself with access(2), which heeds that right only with the securebit.
KEEP = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]

# Where there is no setpriv. No right of root's is kept, so the user must be able to reach program and data.
BECOME = """
import os, sys
user, group, *command = sys.argv[1:]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"user {user} cannot run {command[0]} ({error.strerror}): do not run this as root")
"""


def unprivileged(home: Path, death_signal: signal.Signals) -> list[str]:
    """The words to put before a command of Postgres's so that it does not run as root; none for another user.

    They replace themselves by the command, so the started process is Postgres itself. setpriv asks the kernel again
    for *death_signal* at the parent's death, which a change of user makes it forget.
    """
    if os.geteuid() != 0:
        return []
    user, group = _owner(home)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return [sys.executable, "-I", "-S", "-c", BECOME, str(user), str(group)]
    who = [f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    return [setpriv, f"--pdeathsig={death_signal.name.removeprefix('SIG')}", *who, *KEEP]


def give(home: Path) -> None:
    """Hand what root owns in *home*, when we are root, to the user that Postgres runs as."""
    if os.geteuid() != 0 or home.stat().st_uid != 0:
        return
    user, group = _owner(home)
    for path in [*home.rglob("*"), home]:
        os.chown(path, user, group, follow_symlinks=False)


def admit(data_dir: Path, run: Path, home: Path) -> None:
    """Let the user that Postgres runs as reach its data in *data_dir* and its socket in *run*.

    That is needed only where no right of root's is kept. Nobody but that user and root may enter *run*.
    """
    if os.geteuid() != 0 or shutil.which("setpriv"):
        return
    data_dir.chmod(data_dir.stat().st_mode | 0o011)
    os.chown(run, *_owner(home))


def _owner(home: Path) -> tuple[int, int]:
    status = home.stat() if home.exists() else None
    if status and status.st_uid != 0:
        return status.st_uid, status.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise LocalError("Postgres refuses to run as root and there is no user nobody: run as another user") from error
    return nobody.pw_uid, nobody.pw_gid
