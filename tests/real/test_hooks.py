"""The way in over HTTP: who is slow keeps nobody waiting, and a reload moves it."""
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from lib import things
from lib.gateway import PROGRAM, Gateway

CODE = "/f/0123456789abcdef"            # a code as it could be, and is not
SLOW = 200


def section(port, more=""):
    return f'hooks {{ url = "https://gw.corp.example" listen = "127.0.0.1:{port}" {more} }}\n'


def ask(port, path=CODE, timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class SlowClients:
    """They say a byte now and then and come again when they are thrown out."""
    BEGINNINGS = (b"", b"GET " + CODE.encode() + b" HTTP/1.1\r\nHost: gw\r\nX-Slow: ", b"POST /f/a HTTP/1.1\r\nHost: gw\r\nContent-Length: 100000\r\n")

    def __init__(self, port, addresses, count=SLOW):
        self.port, self.addresses, self.count = port, addresses, count
        self.stopping = threading.Event()
        self.came = 0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        things.wait_until(lambda: self.came >= self.count, what="slow clients")
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def come(self):
        client = socket.socket()
        client.bind((self.addresses[self.came % len(self.addresses)], 0))
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", self.port))
        self.came += 1
        return [client, self.BEGINNINGS[self.came % len(self.BEGINNINGS)]]

    def speak(self, slow):
        """False once it was thrown out."""
        client, rest = slow
        try:
            client.send(rest[:40] or b"a")
            slow[1] = rest[40:]
            return client.recv(1000) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def run(self):
        clients = [self.come() for _ in range(self.count)]
        while not self.stopping.wait(0.02):
            for i, slow in enumerate(clients):
                if not self.speak(slow):
                    slow[0].close()
                    clients[i] = self.come()
        for client, _ in clients:
            client.close()


class Hooks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def begin(self, conf):
        self.gateway = Gateway(self.folder, conf)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()

    def reload(self, conf, said):
        before = self.gateway.program.output().count(said)
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n{conf}')
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        things.wait_until(lambda: self.gateway.program.output().count(said) > before, what=said)

    def memory(self):
        with open(f"/proc/{self.gateway.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))

    def assert_good_ones_are_served(self, port):
        times = []
        for _ in range(100):
            began = time.monotonic()
            self.assertEqual(ask(port), 404)
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[98], 1, "p99")

    def slow_ones_keep_nobody_waiting(self, addresses):
        port = things.free_port()
        self.begin(section(port))
        self.assertEqual(ask(port), 404)
        before = self.memory()
        with SlowClients(port, addresses):
            self.assert_good_ones_are_served(port)
            self.assertLess(self.memory() - before, 32 * 1024 * (8 if "Sanitizer" in self.gateway.program.output() else 1))
        self.assertEqual(ask(port), 404)

    def test_two_hundred_slow_ones_from_many_addresses_keep_nobody_waiting(self):
        self.slow_ones_keep_nobody_waiting([f"127.0.2.{i}" for i in range(1, 51)])

    def test_nor_do_they_from_one(self):
        self.slow_ones_keep_nobody_waiting(["127.0.0.2"])

    def test_who_is_at_the_console_notices_nothing(self):
        port = things.free_port()
        self.begin('strangers = { "ping" }\n' + section(port))
        console = self.gateway.console()
        self.addCleanup(console.close)
        with SlowClients(port, [f"127.0.2.{i}" for i in range(1, 51)]):
            for i in range(50):
                began = time.monotonic()
                console.ask(f"!ping {i}x", f"pong {i}x")
                self.assertLess(time.monotonic() - began, 1)

    def test_without_the_section_nothing_listens(self):
        self.begin("")
        sockets = subprocess.run(["ss", "-Hltnp"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        self.assertNotIn(f"pid={self.gateway.program.pid},", sockets)

    def test_a_reload_moves_the_listener_and_one_that_says_the_same_does_not(self):
        first, second = things.free_port(), things.free_port()
        self.begin(section(first))
        kept = http.client.HTTPConnection("127.0.0.1", first, timeout=20)
        self.addCleanup(kept.close)

        def ask_kept():
            kept.request("GET", CODE)
            answer = kept.getresponse()
            answer.read()
            return answer.status
        self.assertEqual(ask_kept(), 404)
        own = kept.sock
        self.reload('lines = 11\n' + section(first), "lines changed")
        self.assertEqual(ask_kept(), 404)
        self.assertIs(kept.sock, own, "the connection was not kept")
        self.reload(section(second), "Nothing is listened for")
        self.assertEqual(ask(second), 404)
        self.assertRaises(OSError, ask, first)
        self.reload("", "Nothing is listened for")
        self.assertRaises(OSError, ask, second)

    def test_the_status_tells_where_it_listens_and_what_it_did(self):
        port = things.free_port()
        self.begin('strangers = { "gateway" }\n' + section(port))
        self.assertIn(f"hooks    ok    on 127.0.0.1:{port}, reached as https://gw.corp.example, 0 connected, 0 served, 0 refused", self.gateway.cli("status")[1])
        for _ in range(3):
            self.assertEqual(ask(port), 404)
        things.wait_until(lambda: "0 connected, 0 served, 3 refused" in self.gateway.cli("status")[1], what="the refused in the status")
        self.assertEqual(json.loads(self.gateway.cli("status", "--json")[1])["hooks"], {
            "state": "ok", "listen": f"127.0.0.1:{port}", "url": "https://gw.corp.example", "connections": 0, "served": 0, "refused": 3})
        console = self.gateway.console()
        self.addCleanup(console.close)
        console.ask("!gateway", "hooks ok (https://gw.corp.example), 0 served, 3 refused")
        self.reload("", "Nothing is listened for")
        self.assertNotIn("hooks", self.gateway.cli("status")[1])
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.reload(section(other.getsockname()[1]), "Another program listens there")
            self.assertIn(f"hooks    away  nothing listens on 127.0.0.1:{other.getsockname()[1]}", self.gateway.cli("status")[1])

    def test_a_port_that_another_has_is_told_and_the_old_one_stays(self):
        port = things.free_port()
        self.begin(section(port))
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.reload(section(other.getsockname()[1]), "Another program listens there")
        self.assertEqual(ask(port), 404)

    def test_a_start_on_a_port_that_another_has_says_so(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            gateway = Gateway(self.folder, section(other.getsockname()[1]))
            done = subprocess.run([PROGRAM, "run", "-c", gateway.conf], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, os.EX_OSERR)
        self.assertIn("Another program listens there", done.stderr)

    def test_mistakes_are_named_together(self):
        gateway = Gateway(self.folder, 'hooks { listen = "gw:80" headers = 5 }\nhooks { url = "https://gw.corp.example" }\nhook { }\n')
        code, said = gateway.cli("check")
        self.assertEqual(code, os.EX_CONFIG)
        for part in ("url", "there is one already (line 3)", "no section hook in this version; did you mean hooks?"):
            self.assertIn(part, said)
        with open(gateway.conf, "w") as f:
            f.write('hooks { url = "http://gw.corp.example" listen = "gw:80" headers = 5 }\n')
        code, said = gateway.cli("check")
        self.assertEqual(code, os.EX_CONFIG)
        for part in ('listen "gw:80" is not ADDRESS:PORT', "headers is 10 to 1000.", "url is plain http"):
            self.assertIn(part, said)

    def descriptors_run_out(self, left):
        """However many come, it waits for a descriptor and does not ask for one again and again; when there are some it serves, at the latest at the deadline."""
        port = things.free_port()
        self.begin(section(port, "connections = 64 connections_each = 64 deadline = \"6s\""))
        self.assertEqual(ask(port), 404)
        pid = self.gateway.program.pid
        things.wait_until(lambda: "0 connected" in self.gateway.cli("status")[1], what="nobody to be connected")
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        free = highest + 1 - len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + max(left - free, 0), before[1]))
        slow = []
        for _ in range(left + 20):
            client = socket.create_connection(("127.0.0.1", port), timeout=20)
            self.addCleanup(client.close)
            client.sendall(b"GET /f/a HTTP/1.1\r\nX-Slow: ")
            slow.append(client)
        things.wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) > highest + max(left - free, 0), what="no descriptor to be left")
        self.assertLess(self.processor_seconds(3), 0.5)
        if not left:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        for client in slow:
            client.close()
        self.assertEqual(ask(port), 404)

    def processor_seconds(self, seconds):
        def used():
            with open(f"/proc/{self.gateway.program.pid}/stat") as f:
                return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        began = used()
        time.sleep(seconds)
        return used() - began

    def test_without_descriptors_for_all_it_waits_and_does_not_spin(self):
        self.descriptors_run_out(10)

    def test_without_a_descriptor_for_anybody_it_waits_and_does_not_spin(self):
        self.descriptors_run_out(0)

    def test_it_ends_while_slow_ones_hang_on_it(self):
        port = things.free_port()
        self.begin(section(port))
        with SlowClients(port, ["127.0.0.2"], 20):
            began = time.monotonic()
            self.assertEqual(self.gateway.stop(), 0)
            self.assertLess(time.monotonic() - began, 10)


if __name__ == "__main__":
    unittest.main()
