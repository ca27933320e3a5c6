"""Staying on a network: servers that go away come back to a gateway that kept what it had to say, and bad servers harm nobody else."""
import os
import queue
import re
import shutil
import signal
import tempfile
import time
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway
from lib.hostile import WAYS, Hostile
from lib.ircd import Network

CONF = """
strangers = {{ "help", "ping", "whoami" }}
irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no retry = "1s" }}
{more}
runner "ci" {{ job "nap" {{ run = {{ "/bin/sh", "-c", "sleep 1; touch {folder}/ended" }} }} }}
room "ops" {{ places = {{ {places} }} services = {{ "ci" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
"""


class InPlace(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.network = Network()
        self.addCleanup(self.network.close)

    def start(self, more="", places='"corp/#ops"', log="info"):
        self.gateway = Gateway(self.folder, CONF.format(port=self.network.port, more=more, places=places, folder=self.folder), log=log).start()
        self.addCleanup(self.gateway.stop)
        self.assertTrue(self.network.joined.wait(20))

    def hear(self, part, seconds=20):
        """What is said until `part` is, with it."""
        heard = []
        end = time.monotonic() + seconds
        while not heard or part not in heard[-1]:
            try:
                heard.append(self.network.said.get(timeout=max(0.01, end - time.monotonic()))[2].replace("\u2060", ""))
            except queue.Empty:
                raise AssertionError(f"waited for {part!r}; heard {heard}") from None
        return heard

    def files(self):
        return len(os.listdir(f"/proc/{self.gateway.program.pid}/fd"))

    def memory(self):
        """What is resident, in kB; 0 under a sanitizer, which keeps what was freed."""
        with open(f"/proc/{self.gateway.program.pid}/maps") as f:
            if "libasan" in f.read():
                return 0
        with open(f"/proc/{self.gateway.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def test_what_happened_while_the_server_was_away_is_said_once(self):
        self.start()
        files = 0
        for i in range(1, 4):
            self.network.say("alice", "!build nap", account="alice")
            self.hear(f"B{i} running")
            self.network.stop()
            ended = os.path.join(self.folder, "ended")
            things.wait_until(lambda: os.path.exists(ended), 20, "the job's end")
            os.unlink(ended)
            self.assertIn("away", self.gateway.cli("status")[1])
            self.network.start()
            self.assertTrue(self.network.joined.wait(30))
            self.hear(f"B{i} passed", 30)
            self.network.say("alice", f"!ping after{i}")
            self.assertEqual([line for line in self.hear(f"pong after{i}") if "passed" in line], [])
            files = files or self.files()
        things.wait_until(lambda: self.files() <= files, 10, "its descriptors to be as many as before")

    def configure(self, places):
        """The same with other places, taken over while it runs."""
        with open(self.gateway.conf) as f:
            text = f.read()
        with open(self.gateway.conf, "w") as f:
            f.write(re.sub(r"places = \{ .* \} services", f"places = {{ {places} }} services", text))
        os.kill(self.gateway.program.pid, signal.SIGHUP)

    def test_a_new_room_needs_no_new_connection(self):
        self.start()
        connection = self.network.connection
        self.configure('"corp/#ops", "corp/#web"')
        things.wait_until(lambda: self.network.channels == {"#ops", "#web"}, 20, "the gateway in the new channel")
        self.configure('"corp/#web"')
        things.wait_until(lambda: self.network.channels == {"#web"}, 20, "the gateway out of the old channel")
        self.network.say("alice", "!ping there", account="alice", target="#web")
        self.hear("pong there")
        self.assertIs(self.network.connection, connection)

    def test_bad_servers_disturb_nobody_else(self):
        bad = [Hostile(way) for way in WAYS]
        for server in bad:
            self.addCleanup(server.close)
        more = "\n".join(f'irc "bad{i}" {{ server = "127.0.0.1" port = {server.port} tls = no retry = "1s" patience = "1s" }}'
                         for i, server in enumerate(bad))
        places = ", ".join(['"corp/#ops"'] + [f'"bad{i}/#ops"' for i in range(len(bad))])
        self.start(more, places)
        things.wait_until(lambda: all(server.came for server in bad), 20, "the gateway to come to each of them")
        times = []
        for i in range(200):
            began = time.monotonic()
            self.network.say("alice", f"!ping x{i}x", account="alice")
            self.hear(f"pong x{i}x")
            times.append(time.monotonic() - began)
        self.assertLess(sorted(times)[197], 1)
        self.assertLess(self.memory(), 64 * 1024)
        # Whoever stops half-way is left, and tried again.
        things.wait_until(lambda: all(s.came > 1 for s in bad if s.way.__name__ in ("nothing", "half_way", "silence")), 30, "another try")
        self.assertTrue(self.gateway.program.running())


@unittest.skipUnless(servers.TREES, "needs the real servers")
class OnErgo(unittest.TestCase):
    """A server that knows MONITOR, bots and private messages from people who share no channel."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.ergo = servers.Ergo().start()
        self.addCleanup(self.ergo.remove)
        self.bob = self.person("bob")
        self.bob.join("#ops")

    def person(self, nick):
        person = irc.Person(self.ergo.port, nick)
        self.addCleanup(person.close)
        return person

    def start(self):
        # With so long a pause nothing but what the server tells wins the nick back.
        conf = CONF.format(port=self.ergo.port, more="", places='"corp/#ops"', folder=self.folder).replace('retry = "1s"', 'rejoin = "15m"')
        self.gateway = Gateway(self.folder, conf).start()
        self.addCleanup(self.gateway.stop)

    def test_the_nick_is_won_back_at_once(self):
        holder = self.person("sally")
        self.start()
        self.bob.expect(lambda line: line.startswith(":sally_!") and "JOIN" in line)
        holder.close()
        self.bob.expect(lambda line: line.startswith(":sally_!") and "NICK" in line and line.endswith("sally"), 10)

    def test_a_bot_says_so_and_answers_who_shares_no_channel(self):
        self.start()
        self.bob.expect(lambda line: line.startswith(":sally!") and "JOIN" in line)
        self.bob.send("WHOIS sally")
        self.bob.expect(" 335 ")
        carol = self.person("carol")
        carol.say("sally", "ping from afar")
        self.assertIn("NOTICE carol", carol.expect("pong from afar"))


if __name__ == "__main__":
    unittest.main()
