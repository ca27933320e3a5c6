"""A network without accounts: nobody can be proven, and the refusal says why."""
import shutil
import tempfile
import unittest

from lib import irc, servers, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "old" {{ server = "127.0.0.1" port = {port} tls = no flood = no }}
runner "local" {{ job "hello" {{ run = {{ "/bin/echo", "hello" }} }} }}
room "ops" {{ places = {{ "old/#ops" }} services = {{ "local" }} }}
person "bob" {{ accounts = {{ "old/bob" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "local.*" }} }}
"""


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Ngircd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.server = servers.Ngircd().start()
        self.addCleanup(self.server.remove)
        self.gateway = Gateway(self.folder, CONF.format(port=self.server.port)).start()
        self.addCleanup(self.gateway.stop)
        self.bob = irc.Person(self.server.port, "bob")
        self.addCleanup(self.bob.close)
        self.bob.join("#ops")
        things.wait_until(self.there, 30, "the gateway in the channel")

    def there(self):
        self.bob.send("NAMES #ops")
        return "sally" in self.bob.expect(" 353 ")

    def ask(self, text, part):
        self.bob.say("#ops", text)
        return self.bob.expect(part)

    def test_strangers_may_ping_and_nothing_else(self):
        self.assertIn("NOTICE #ops", self.ask("!ping one", "pong one"))
        refusal = self.ask("!build hello", "refused: I cannot prove who you are")
        self.assertIn("neither account-tag nor WHOX", refusal)
        self.assertIn("not logged in to services on old", self.ask("!help", "I cannot prove who you are"))
        self.assertEqual(self.gateway.cli("audit", "list")[1].count("build hello"), 1)

    def test_in_private_the_same(self):
        self.bob.say("sally", "ping two")
        self.assertIn("NOTICE bob", self.bob.expect("pong two"))
        self.bob.say("sally", "build hello")
        self.bob.expect("refused: I cannot prove who you are")

    def test_long_answers_are_whole_lines_within_the_limit(self):
        word = "ä" * 150 + " " + "b" * 60
        line = self.ask("!ping " + word, "pong")
        self.assertLessEqual(len(line.encode()) + 2, 512)
        self.assertNotIn("�", line)

    def test_the_server_restarts_and_the_gateway_comes_back(self):
        self.server.stop()
        self.server.start()
        again = irc.Person(self.server.port, "bob2")
        self.addCleanup(again.close)
        again.join("#ops")
        again.expect(lambda line: "sally" in line and ("JOIN" in line or " 353 " in line), 60)
        again.say("#ops", "!ping back")
        again.expect("pong back", 30)


PLACE = """
strangers = {{ "help", "ping", "whoami" }}
irc "old" {{
	server = {{ "127.0.0.1:{dead}", "127.0.0.1:{port}" }} tls = no flood = no rejoin = "2s" retry = "1s"
	server_password_file = "server-password"
	channel "#vault" {{ key_file = "vault-key" }}
}}
room "ops" {{ places = {{ "old/#ops" }} }}
room "vault" {{ places = {{ "old/#vault" }} }}
room "closed" {{ places = {{ "old/#closed" }} }}
"""


@unittest.skipUnless(servers.TREES, "needs the real servers")
class GettingIn(unittest.TestCase):
    """A server with a password, after one that is not there, and channels that do not let everybody in."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.server = servers.Ngircd("Password = open-sesame").start()
        self.addCleanup(self.server.remove)
        self.bob = self.person("bob")
        for channel in ("#ops", "#vault", "#closed"):
            self.bob.join(channel)
        self.bob.send("MODE #vault +k swordfish")
        self.bob.send("MODE #closed +i")
        self.bob.expect("MODE #closed +i")

    def person(self, nick):
        person = irc.Person(self.server.port, nick, server_password="open-sesame")
        self.addCleanup(person.close)
        return person

    def start(self):
        self.gateway = Gateway(self.folder, PLACE.format(dead=things.free_port(), port=self.server.port))
        self.gateway.secret("server-password", "open-sesame")
        self.gateway.secret("vault-key", "swordfish")
        self.gateway.start()
        self.addCleanup(self.gateway.stop)

    def tearDown(self):
        with open(self.gateway.log) as f:
            log = f.read()
        for secret in ("open-sesame", "swordfish"):
            self.assertNotIn(secret, log)

    def test_keys_and_invitations_open_doors(self):
        self.start()
        self.bob.expect(lambda line: line.startswith(":sally!") and "JOIN" in line and "#vault" in line)
        self.bob.say("#vault", "!ping in the vault")
        self.bob.expect("pong in the vault")
        things.wait_until(lambda: "by invitation only (+i); invite me" in self.gateway.cli("status")[1], 20, "the reason in status")
        self.bob.send("INVITE sally #closed")
        self.bob.expect(lambda line: line.startswith(":sally!") and "JOIN" in line and "#closed" in line, 10)
        self.assertIn("3 rooms", self.gateway.cli("status")[1])

    def test_a_kick_and_a_ban_are_outlasted(self):
        self.start()
        self.bob.expect(lambda line: line.startswith(":sally!") and "JOIN" in line and "#ops" in line)
        self.bob.send("MODE #ops +b sally!*@*")
        self.bob.send("KICK #ops sally :out")
        self.bob.expect("KICK #ops sally")
        things.wait_until(lambda: "I am banned there (+b); lift the ban" in self.gateway.cli("status")[1], 20, "the reason in status")
        self.bob.send("MODE #ops -b sally!*@*")
        self.bob.expect(lambda line: line.startswith(":sally!") and "JOIN" in line and "#ops" in line, 30)

    def test_our_nick_is_won_back(self):
        holder = self.person("sally")
        self.start()
        self.bob.expect(lambda line: line.startswith(":sally_!") and "JOIN" in line)
        holder.close()
        self.bob.expect(lambda line: line.startswith(":sally_!") and "NICK" in line and line.endswith("sally"), 20)


@unittest.skipUnless(servers.TREES, "needs the real servers")
class Split(unittest.TestCase):
    """Two servers lose each other, with our people on the other one; then the network is whole again."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hub, self.leaf = servers.two_ngircds()
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.leaf.remove)
        self.hub.start()
        self.leaf.start()
        self.gateway = Gateway(self.folder, CONF.format(port=self.hub.port)).start()
        self.addCleanup(self.gateway.stop)

    def come(self, nick):
        """Somebody on the leaf who sees the gateway on the hub."""
        person = irc.Person(self.leaf.port, nick)
        self.addCleanup(person.close)
        person.join("#ops")

        def sees():
            person.send("NAMES #ops")
            return "sally" in person.expect(" 353 ")
        things.wait_until(sees, 40, "the two servers to be one network")
        person.say("#ops", f"!ping {nick}")
        person.expect(f"pong {nick}")

    def test_the_gateway_stays_where_it_is_and_serves_those_who_come_back(self):
        self.come("bob")
        witness = irc.Person(self.hub.port, "witness")
        self.addCleanup(witness.close)
        witness.join("#ops")
        self.leaf.programs[-1].kill()
        self.leaf.stop()
        self.assertRegex(witness.expect("QUIT"), r"^:bob!.* QUIT :\w+\.ngircd\.test \w+\.ngircd\.test$")
        witness.say("#ops", "!ping alone")
        witness.expect("pong alone")
        self.leaf.start()
        self.come("bob")
        self.assertEqual(self.gateway.program.output().count("old is up"), 1)


if __name__ == "__main__":
    unittest.main()
