"""A wall clock that a test sets while the gateway runs; the monotonic one goes on as it does (libfaketime)."""
import glob
import os

from . import servers


def library():
    """Where it is: in the tree of Debian's packages, or on this machine; None where it is not."""
    for root in (servers.TREES and os.path.join(servers.TREES, "debian12"), "/"):
        found = root and glob.glob(os.path.join(root, "usr/lib/*/faketime/libfaketime.so.1"))
        if found:
            return found[0]
    return None


class WallClock:
    """The environment of the program whose clock it is, and how far that goes from the true one."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "wall-clock")
        self.set("+0")
        self.env = {**os.environ, "LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "FAKETIME_DONT_RESET": "1"}

    def set(self, offset):
        """+3d, -3d, +0 and the like; at once, for the file is never half written."""
        with open(self.path + ".new", "w") as f:
            f.write(offset + "\n")
        os.rename(self.path + ".new", self.path)
