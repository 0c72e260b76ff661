"""How a child process is tied to its parent: it ends when the parent ends, even by SIGKILL.

On Linux the kernel sends the child a signal when its parent dies. Elsewhere a watcher, a process of the child's own
group, waits at the reading end of a pipe; the parent alone holds the writing end, which closes with it. Both are
programs of their own and no preexec_fn, which may deadlock where threads run; the first costs 20 ms.
"""

import os
import shutil
import signal
import sys
from collections.abc import Sequence

BY_KERNEL = """
import ctypes, os, sys
death_signal, parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, int(death_signal), 0, 0, 0)
if os.getppid() == int(parent):
    os.execvp(command[0], command)
"""

# The watcher is a grandchild, whose end the command does not notice. It keeps no file but the pipe open, so that a
# listening socket closes with the command.
BY_PIPE = """
import os, sys
death_signal, pipe, *command = sys.argv[1:]
pipe, child = int(pipe), os.getpid()
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        os.closerange(0, pipe)
        os.closerange(pipe + 1, 1024)
        os.read(pipe, 1)
        try:
            if os.getpgid(child) == os.getpgrp():
                os.kill(child, int(death_signal))
        except ProcessLookupError:
            pass
    os._exit(0)
os.waitpid(middle, 0)
os.close(pipe)
os.execvp(command[0], command)
"""


def kernel_can() -> bool:
    """Whether the kernel can tell a child of its parent's end.

    A change of user makes Linux forget the request, and only setpriv makes it again.
    """
    return sys.platform == "linux" and (os.geteuid() != 0 or shutil.which("setpriv") is not None)


def by_kernel(command: Sequence[str], death_signal: signal.Signals) -> list[str]:
    """*command*, which the kernel sends *death_signal* when this process dies."""
    return [*_python(BY_KERNEL), str(int(death_signal)), str(os.getpid()), *command]


def by_pipe(command: Sequence[str], death_signal: signal.Signals, pipe: int) -> list[str]:
    """*command*, which a watcher sends *death_signal* when the writing end of *pipe* is closed.

    *pipe* is the reading end, which the command inherits and closes.
    """
    return [*_python(BY_PIPE), str(int(death_signal)), str(pipe), *command]


def _python(program: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", program]
