"""slowhttptest's three attacks with 1,000 connections, from one address and from many: who sends a signed webhook meanwhile hardly notices."""
import hashlib
import hmac
import http.client
import json
import os
import selectors
import shutil
import socket
import tempfile
import threading
import time
import unittest

from lib import servers, things
from lib.gateway import Gateway

PROGRAM = "/usr/bin/slowhttptest"
THERE = servers.TREES and os.path.exists(os.path.join(servers.TREES, "debian12") + PROGRAM)
SECRET = "0123456789abcdef0123456789abcdef"
CONF = """
person "owner" {{ accounts = {{ "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} }}
room "home" {{ places = {{ "console/here" }} }}
hooks {{ url = "http://127.0.0.1:{port}" listen = "127.0.0.1:{port}" }}
incoming "nas" {{ hook_file = "secret" hook_header = "X-Signature" rooms = {{ "home" }} title = "text" }}
"""
CONNECTIONS, SECONDS = 1000, 5
ATTACKS = {"headers": ("-H",), "body": ("-B", "-s", "100000"), "reading": ("-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-k", "3")}


def load_tests(loader, tests, pattern):
    """How long something takes is looked at where nothing else runs beside it: tests/run deep, or SALLYPORT_SLOW=1."""
    return tests if os.environ.get("SALLYPORT_SLOW") else unittest.TestSuite()


class Street:
    """Carries whatever comes to it on to `target`, each connection from another of 50 addresses."""

    def __init__(self, target):
        self.target, self.came = target, 0
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                if key.fileobj is self.listener:
                    self.come()
                else:
                    self.carry(key.fileobj, key.data)

    def come(self):
        client, server = self.listener.accept()[0], socket.socket()
        server.bind((f"127.0.0.{2 + self.came % 50}", 0))
        self.came += 1
        for one in (client, server):
            one.setblocking(False)
        server.connect_ex(("127.0.0.1", self.target))
        self.selector.register(client, selectors.EVENT_READ, server)
        self.selector.register(server, selectors.EVENT_READ, client)

    def carry(self, source, target):
        try:
            text = source.recv(65536)
            if text:
                target.send(text)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        for one in (source, target):
            self.selector.unregister(one)
            one.close()

    def close(self):
        self.stopping = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Slow(servers.InTree):
    """slowhttptest, for SECONDS once all its connections were made."""

    def __init__(self, attack, port):
        super().__init__("debian12", "slow")
        self.program = self.run(PROGRAM, *ATTACKS[attack], "-c", str(CONNECTIONS), "-r", "1000", "-i", "1", "-l", str(SECONDS), "-p", "3",
                                "-u", f"http://127.0.0.1:{port}/in/nas")


@unittest.skipUnless(THERE, "needs slowhttptest")
class SlowSenders(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.port = things.free_port()
        self.gateway = Gateway(folder, CONF.format(port=self.port), log="warning")
        self.gateway.secret("secret", SECRET)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()

    def post(self, text, address):
        body = json.dumps({"text": text}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20, source_address=(address, 0))
        try:
            connection.request("POST", "/in/nas", body, {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()})
            return connection.getresponse().status
        finally:
            connection.close()

    def memory(self):
        with open(f"/proc/{self.gateway.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))

    def attacked(self, attack, port):
        """Signed ones meanwhile, from the attacker's own address and from one of its own in turn: how long each took."""
        slow, times = Slow(attack, port), []
        self.addCleanup(slow.remove)
        while slow.program.running():
            began = time.monotonic()
            self.assertEqual(self.post(f"{attack} {len(times)}", ("127.0.0.1", "127.0.1.1")[len(times) % 2]), 202)
            times.append(time.monotonic() - began)
            time.sleep(0.01)
        said = slow.program.output()
        self.assertIn("Exit status:", said)
        slow.remove()
        return times

    def keep_nobody_waiting(self, attack):
        self.assertEqual(self.post("before", "127.0.1.1"), 202)
        before = self.memory()
        street = Street(self.port)
        self.addCleanup(street.close)
        for port in (self.port, street.port):
            times = self.attacked(attack, port)
            self.assertGreater(len(times), 50)
            self.assertLess(max(times), 1)
            self.assertLess(self.memory() - before, 32 * 1024)
        self.assertGreaterEqual(street.came, CONNECTIONS)
        self.gateway.console().expect(f"{attack} 50")

    def test_headers_that_never_end(self):
        self.keep_nobody_waiting("headers")

    def test_bodies_that_never_end(self):
        self.keep_nobody_waiting("body")

    def test_answers_that_nobody_reads(self):
        self.keep_nobody_waiting("reading")


if __name__ == "__main__":
    unittest.main()
