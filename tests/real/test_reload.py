"""Hundreds of new configurations while people ask: nobody is forgotten, nobody is answered twice, nothing of an old one is read. Needs no server."""
import os
import re
import shutil
import signal
import tempfile
import unittest

from lib import things
from lib.gateway import PROGRAM, Gateway
from lib.ircd import Network

MANY = 300
SETTLED = 50                            # reloads after which memory does not grow any more
GROWN = 3 * 1024                        # kB that may come from elsewhere
HEAD = """
admins = {{ "owner" }}
lines = {lines}
person "owner" {{ accounts = {{ "console/@owner" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*", "gateway.*" }} }}
irc "corp" {{ server = "127.0.0.1" port = {corp} tls = no flood = no }}
"""
RUNNER = 'runner "local" {{ job "hello" {{ run = {{ "/bin/echo", "hello {{who}}" }} param "who" {{ pattern = "[a-z0-9]{{1,20}}" default = "world" }} }} {more} }}\n'
LOCAL = RUNNER.format(more='job "wait" { run = { "/bin/sh", "-c", "sleep 0.2" } }')
OTHER = RUNNER.format(more='job "else" { run = "/bin/true" }')
NOBODY = 'irc "away" { server = "127.0.0.1" port = @NOBODY@ tls = no }\n'
# What else is said at the console: each so many configurations, at the one of that number.
ALSO = {(8, 0): "!build hello", (8, 4): "!build wait", (8, 6): "!help", (8, 7): "!more", (50, 20): "!pause moving", (50, 30): "!resume"}


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.network = Network()
        self.addCleanup(self.network.close)
        self.side = Network("#side")
        self.addCleanup(self.side.close)
        self.read = 0                   # how often a configuration was read anew, by its log

    def configurations(self):
        """All of them with a room at corp/#ops; everything else differs: persons, roles, rooms, services, links; the last is none."""
        corp = self.network.port
        side = f'irc "side" {{ server = "127.0.0.1" port = {self.side.port} tls = no flood = no }}\n'
        carol = 'person "carol" { accounts = { "corp/carol" } roles = { "reader" } }\nrole "reader" { look = { "*" } }\n'
        both = 'person "carol" { accounts = { "corp/carol", "side/carol" } roles = { "all" } }\n'
        nobody = NOBODY.replace("@NOBODY@", str(things.free_port()))
        home = 'room "home" { places = { "console/here"%s } services = { "local" } operators = yes }\n'
        a = HEAD.format(lines=3, corp=corp) + carol + LOCAL + nobody + home % ', "away/#home"' + \
            'room "ops" { places = { "corp/#ops", "corp/#more" } services = { "local" } }\n'
        b = HEAD.format(lines=4, corp=corp) + both + LOCAL + side + home % "" + 'room "works" { places = { "corp/#ops", "side/#side" } services = { "local" } }\n'
        c = HEAD.format(lines=3, corp=corp) + carol + OTHER + side.replace("tls = no", 'tls = no realname = "c"') + home % "" + \
            'room "ops" { places = { "corp/#ops" } }\n' + 'room "beside" { places = { "side/#side" } }\n'
        return [f'state = "{self.gate.state}"\nlog = "debug"\n{text}' for text in (a, b, c, a + 'room "home" { }\nfoo = 1\n')]

    def start(self):
        self.gate = Gateway(self.folder, "")
        self.texts = self.configurations()
        self.write(0)
        self.addCleanup(self.gate.stop)
        self.gate.start()
        self.assertTrue(self.network.joined.wait(20))
        self.log = open(self.gate.log, errors="replace")
        self.addCleanup(self.log.close)
        return self.gate.console()

    def write(self, which):
        """As an editor does: the gateway never reads half of it."""
        with open(self.gate.conf + ".new", "w") as f:
            f.write(self.texts[which])
        os.rename(self.gate.conf + ".new", self.gate.conf)

    def reload(self, which):
        before = self.reads()
        self.write(which)
        os.kill(self.gate.program.pid, signal.SIGHUP)
        things.wait_until(lambda: self.reads() > before, 20, "the configuration to be read")

    def reads(self):
        self.read += self.log.read().count("sallyport.conf anew.")
        return self.read

    def memory(self):
        """What is resident, in kB; 0 under a sanitizer, which keeps what was freed."""
        with open(f"/proc/{self.gate.program.pid}/maps") as f:
            if "libasan" in f.read():
                return 0
        with open(f"/proc/{self.gate.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def said(self):
        """Of the gateway, on corp, until now."""
        while not self.network.said.empty():
            self.irc.append(self.network.said.get()[2])
        return self.irc

    def test_hundreds_of_configurations_forget_nobody_and_answer_nobody_twice(self):
        console, self.irc, heard, settled = self.start(), [], [], 0
        take, console.take = console.take, lambda message: (heard.append(message.get("line", "")), take(message))
        for i in range(MANY):
            self.reload(i % 4)
            console.say(f"!ping c{i}.")
            self.network.say("carol", f"!ping i{i}.", "carol")
            for line in (line for (every, at), line in ALSO.items() if i % every == at):
                console.say(line)
            console.read(0)
            if i == SETTLED:
                settled = self.memory()
        self.reload(0)
        grown = self.memory() - settled
        console.ask("!ping last.", "pong last.")
        for i in range(MANY):
            console.until(lambda i=i: sum(f"pong c{i}." in line for line in heard), what=f"c{i}")
            things.wait_until(lambda i=i: sum(f"pong i{i}." in line for line in self.said()), what=f"i{i}")
        running = {label for line in heard for label in re.findall(r"\bB\d+\b", line)}
        over = re.compile(r"\b(B\d+) (?:passed|failed|unknown|stopped)")
        console.until(lambda: running <= {label for line in heard for label in over.findall(line)}, what="the end of every build")
        console.ask("!ping done.", "pong done.")
        for i in range(MANY):
            self.assertEqual(sum(f"pong c{i}." in line for line in heard), 1, f"c{i}")
            self.assertEqual(sum(f"pong i{i}." in line for line in self.said()), 1, f"i{i}")
        for label in running:
            self.assertEqual(sum(label in over.findall(line) for line in heard), 1, label)
        self.assertGreater(len(running), 5)
        self.assertEqual(self.gate.cli("audit", "verify")[0], 0)
        self.assertLess(grown, GROWN)

    # -- At the wrong moment

    def test_a_new_configuration_before_the_start_has_ended_ends_nothing(self):
        persons = "".join(f'person "p{i}" {{ accounts = {{ "console/p{i}" }} roles = {{ "all" }} }}\n' for i in range(10000))
        self.gate = Gateway(self.folder, HEAD.format(lines=3, corp=self.network.port) + LOCAL + persons)
        self.addCleanup(self.gate.stop)
        self.gate.program = things.Program([PROGRAM, "run", "-c", self.gate.conf], self.gate.log)
        things.wait_until(self.holds_reloads, 20, "SIGHUP to be held back")
        for _ in range(2):
            os.kill(self.gate.program.pid, signal.SIGHUP)
        things.wait_until(self.gate.answers, 20, "the console")
        things.wait_until(lambda: "nothing has changed" in self.gate.program.output(), 20, "the configuration to be read anew")

    def holds_reloads(self):
        with open(f"/proc/{self.gate.program.pid}/status") as f:
            return int(next(line.split()[1] for line in f if line.startswith("SigBlk")), 16) & 1

    def test_a_configuration_that_is_gone_changes_nothing(self):
        console = self.start()
        os.rename(self.gate.conf, self.gate.conf + ".gone")
        os.kill(self.gate.program.pid, signal.SIGHUP)
        console.expect("The configuration was not taken: 1 mistake")
        console.ask("!ping still", "pong still")
        self.reload(0)
        console.expect("The configuration was read anew")

    def test_it_ends_in_the_middle_of_new_configurations(self):
        self.start()
        for i in range(8):
            self.write(i % 3)
            os.kill(self.gate.program.pid, signal.SIGHUP)
        os.kill(self.gate.program.pid, signal.SIGTERM)
        for _ in range(20):
            os.kill(self.gate.program.pid, signal.SIGHUP)
        self.assertEqual(self.gate.program.child.wait(20), 0)
        self.assertEqual(self.gate.stop(), 0)
        self.gate.start()
        self.assertEqual(self.gate.cli("audit", "verify")[0], 0)


if __name__ == "__main__":
    unittest.main()
