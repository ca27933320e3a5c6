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


if __name__ == "__main__":
    unittest.main()
