"""Name servers and backends that never answer: everybody else is served as if they were not there."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from lib import things
from lib.gateway import PROGRAM, Gateway

HERE = os.path.dirname(os.path.abspath(__file__))
WORLD = os.path.join(HERE, "..", "lib", "silent_world.py")
SILENT = 50


def namespaces():
    """Whether this machine lets us have a network of our own."""
    try:
        return subprocess.run(["unshare", "-n", "-m", "ip", "link", "set", "lo", "up"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def configuration(port):
    services = [f"s{i}" for i in range(SILENT)]
    text = 'admins = { "owner" }\nperson "owner" { accounts = { "console/@owner" } roles = { "all" } }\n'
    text += 'role "all" { look = { "*" } }\n'
    text += 'room "home" { places = { "console/here" } services = { ' + ", ".join(f'"{s}"' for s in services) + " } }\n"
    for i, service in enumerate(services):
        host = f"127.0.0.1:{port}" if i % 2 else "never.example"
        text += f'buildbot "{service}" {{ url = "http://{host}/" }}\n'
    return text


@unittest.skipUnless(namespaces(), "needs a network namespace of its own")
class Silence(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        port = things.free_port()
        self.gateway = Gateway(self.folder, configuration(port))
        resolv = os.path.join(self.folder, "resolv.conf")
        self.gateway.program = things.Program(
            ["unshare", "-n", "-m", "--kill-child", "-f", sys.executable, WORLD, resolv, str(port), PROGRAM, "run", "-c", self.gateway.conf],
            self.gateway.log)
        self.addCleanup(self.gateway.stop)
        things.wait_until(self.gateway.answers, 30, "the console")
        self.console = self.gateway.console()
        self.addCleanup(self.console.close)

    def p99(self, tag, count=400):
        """Of the round trip of a ping, in seconds."""
        times = []
        for i in range(count):
            began = time.monotonic()
            self.console.ask(f"!ping {tag}{i}x", f"pong {tag}{i}x")
            times.append(time.monotonic() - began)
        return sorted(times)[int(count * 0.99)]

    def test_fifty_silent_services_do_not_slow_the_others_down(self):
        self.p99("warm", 100)
        quiet = self.p99("quiet")
        for i in range(SILENT):
            self.console.say(f"!s{i} list")
        busy = self.p99("busy")
        # Twice, as ratio; two milliseconds are what this machine's scheduler may add to either.
        self.assertLessEqual(busy, 2 * quiet + 0.002, f"quiet {quiet * 1e6:.0f} us, busy {busy * 1e6:.0f} us")
        for part in ("name servers do not answer", "did not answer within"):
            self.console.expect(part, 60)


if __name__ == "__main__":
    unittest.main()
