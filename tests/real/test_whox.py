"""A real network without account-tag: who somebody is, the gateway asks before each change (threats I2)."""
import shutil
import tempfile
import unittest

from lib import irc, servers, things
from lib.between import Between
from lib.gateway import Gateway

CONF = """
strangers = {{ "ping", "whoami" }}
irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no }}
runner "lab" {{ job "docs" {{ run = {{ "/bin/echo", "written" }} }} }}
room "ops" {{ places = {{ "corp/#ops" }} services = {{ "lab" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "lab.*" }} }}
"""


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Whox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        for name in ("alice", "bob"):
            irc.Person(cls.ergo.tls_port, name, tls=cls.ergo.ca, account=name, password="pw-" + name, register=True).close()

    def enter(self, *without):
        folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.between = Between(self.ergo.port, ["account-tag", *without])
        self.addCleanup(self.between.close)
        alice = self.person("alice", "alice")
        self.gateway = Gateway(folder, CONF.format(port=self.between.port)).start()
        self.addCleanup(self.gateway.stop)
        things.wait_until(lambda: alice.say("#ops", "!ping here") or alice.heard("pong here", 0.3), 20, "the gateway in the channel")
        return alice

    def person(self, nick, account=None):
        person = irc.Person(self.ergo.tls_port, nick, tls=self.ergo.ca, account=account, password=f"pw-{account}")
        self.addCleanup(person.close)
        person.join("#ops")
        return person

    def test_a_change_is_asked_about_and_done(self):
        alice = self.enter()
        alice.say("#ops", "!build docs")
        alice.expect("B1 passed: docs")
        self.assertEqual(len(self.between.asked), 1)
        self.assertRegex(self.between.asked[0], r"^WHO alice %tcuhna,\d+$")
        alice.say("#ops", "!whoami")
        self.assertIn("proven by account-notify", alice.expect("you are alice by corp/alice"))
        alice.say("#ops", "!build docs")
        alice.expect("B2 passed: docs")
        self.assertEqual(len(self.between.asked), 2)

    def test_whoever_joins_is_known_and_others_are_nobody(self):
        self.enter()
        bob, guest = self.person("bob", "bob"), self.person("guest9")
        bob.say("#ops", "!whoami")
        self.assertIn("you are corp/bob, proven by account-notify", bob.expect("nobody I know"))
        guest.say("#ops", "!build docs")
        guest.expect("refused: I cannot prove who you are: you are not logged in to services on corp")
        self.assertEqual(self.between.asked, [])
        self.assertEqual(self.gateway.cli("audit", "list")[1].count("build docs"), 1)

    def test_who_takes_the_nick_of_a_person_is_nobody(self):
        alice = self.enter()
        guest = self.person("guest9")
        alice.say("#ops", "!whoami")
        alice.expect("you are alice by corp/alice")
        alice.close()
        guest.expect(lambda line: line.startswith(":alice!") and " QUIT" in line)
        guest.send("NICK alice_")
        guest.expect(" NICK ")
        guest.say("#ops", "!build docs")
        guest.expect("refused: I cannot prove who you are: you are not logged in to services on corp")
        self.assertEqual(self.gateway.cli("audit", "list")[1].count("build docs"), 1)

    def test_a_network_that_tells_nothing_is_asked_each_time(self):
        alice = self.enter("account-notify", "extended-join")
        for i in range(2):
            alice.say("#ops", "!whoami")
            self.assertIn("proven by whox", alice.expect("you are alice by corp/alice"))
        alice.say("#ops", "!build docs")
        alice.expect("B1 passed: docs")
        self.assertEqual(len(self.between.asked), 3)


if __name__ == "__main__":
    unittest.main()
