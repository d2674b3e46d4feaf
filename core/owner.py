"""Owners of leases: which process of which machine holds something, and whether it is gone."""

import os
import socket
import threading


def this_owner() -> str:
    """Host, process and thread that ask, and when the process began."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}:{_began(os.getpid())}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this machine that is gone: its lease need not run out.

    Its number may be another one's by now, as in a container that was started again. Where the owner does not say when it began,
    or the system does not, a process of its number is taken for it.
    """
    host, process, _, began = [*owner.split(":"), "", "", ""][:4]
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # another user's process
    now = _began(int(process))
    return bool(began and now) and began != now


def _began(process: int) -> str:
    """When a process began, in the ticks of `/proc/PID/stat` (proc(5), field 22); empty where nobody says."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""  # it tells of processes by the numbers they have elsewhere
        with open(f"/proc/{process}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19].decode()  # what stands before is a name, with any characters
    except (OSError, IndexError):
        return ""
