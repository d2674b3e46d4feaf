"""Owners of leases: which process of which machine holds something, and whether it is gone."""

import os
import socket
import threading


def this_owner() -> str:
    """Host, process and thread that ask."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this machine that is gone: its lease need not run out."""
    host, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
