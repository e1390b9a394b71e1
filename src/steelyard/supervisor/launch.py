"""First thing a child process runs: it ties the child's life to the supervisor's.

``python -m steelyard.supervisor.launch PARENT SIGNAL MODULE ARGS…`` asks the kernel to send SIGNAL
when the parent dies, then runs MODULE as ``python -m MODULE ARGS…`` would, in this very process. A
hook in the forked child would do the same but must not run where the parent has threads, and it
has while models are fetched.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import sys

_PR_SET_PDEATHSIG = 1
"""From ``linux/prctl.h``."""


def main(argv: list[str]) -> None:
    """Runs the module named in ``argv`` as ``__main__``, to die with the supervisor."""
    parent, signal_number, module = int(argv[1]), int(argv[2]), argv[3]
    die_with_parent(parent, signal_number)
    sys.argv = [module, *argv[4:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def die_with_parent(parent: int, signal_number: int) -> None:
    """Has the kernel signal this process when its parent dies.

    Only Linux can; elsewhere a child outlives a supervisor that was killed and has to be ended by
    hand. A parent that died before the kernel was asked is seen by its id having changed.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


if __name__ == "__main__":
    main(sys.argv)
