"""bob on IRC, carol on Matrix, alice on both: a room with a place on a real Ergo and one on a real Synapse, and gateways between them."""
import re
import shutil
import tempfile
import unittest

from . import irc, servers, synapse, things
from .gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "corp" {{
	nick = "{nick}" server = "localhost" port = {port} ca_file = "{ca}"
	account = "{nick}" password_file = "irc-password" sasl = "plain" flood = no
}}
matrix "hq" {{ server = "{url}" user = "@{nick}:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" }}
runner "ci" {{ job "hello" {{ run = {{ "/bin/sh", "-c", "echo ran >>{folder}/ran" }} }} }}
room "ops" {{ places = {{ "corp/#{name}", "hq/#{name}:hs.test"{more} }} services = {{ {services} }} relay = yes{options} }}
person "alice" {{ accounts = {{ "corp/alice", "hq/@alice:hs.test" }} roles = {{ "all" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "all" }} }}
person "carol" {{ accounts = {{ "hq/@carol:hs.test" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ {may} }} }}
"""


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class BothChats(unittest.TestCase):
    rules = ""                                  # more of the configuration

    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        cls.server = synapse.Synapse().start()
        cls.addClassCleanup(cls.server.remove)
        for name in ("sally", "other", "alice", "bob"):
            irc.Person(cls.ergo.tls_port, name, tls=cls.ergo.ca, account=name, password="pw-" + name, register=True).close()
        cls.alice, cls.carol, cls.sally, cls.other = (cls.server.register(name).listen() for name in ("alice", "carol", "sally", "other"))
        for person in (cls.alice, cls.carol, cls.sally, cls.other):
            cls.addClassCleanup(person.close)

    more = ""                                   # places of the room
    options = ""                                # and what else it is
    services = '"ci"'
    may = '"ci.*"'

    def values(self):
        """What else `rules` names."""
        return {}

    def prepare(self, gateway):
        """Before it starts."""

    def setUp(self):
        self.name = self.id().split(".")[-1][5:45]
        self.room = self.carol.create(self.name, [self.alice.user, self.sally.user, self.other.user])
        self.alice.join(self.room)
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.bob = self.on_irc("bob")
        self.gateway = self.start("sally")

    def on_irc(self, name, account=True):
        person = irc.Person(self.ergo.tls_port, name, tls=self.ergo.ca, account=name if account else None, password="pw-" + name)
        self.addCleanup(person.close)
        person.join("#" + self.name)
        return person

    def start(self, nick, rooms="1 room"):
        folder = tempfile.mkdtemp(dir=self.folder)
        gateway = Gateway(folder, (CONF + self.rules).format(nick=nick, port=self.ergo.tls_port, ca=self.ergo.ca, url=self.server.url, folder=self.folder, name=self.name,
                                               more=self.more, options=self.options, services=self.services, may=self.may, **self.values()))
        gateway.secret("irc-password", f"pw-{nick}")
        gateway.secret("matrix-password", f"pw-{nick}")
        self.prepare(gateway)
        self.addCleanup(gateway.stop)
        gateway.start()
        self.up(gateway, rooms)
        return gateway

    def up(self, gateway, rooms):
        things.wait_until(lambda: re.search(r"corp\s.*\bok\b", gateway.cli("status")[1]) and f":hs.test, {rooms}" in gateway.cli("status")[1], 20, "both links")
        self.bob.expect(f"JOIN #{self.name}", 20)

    def say(self, text):
        self.bob.say("#" + self.name, text)

    def on_matrix(self, part):
        """The newest message of ours there that says that now."""
        def look():
            found = [one for one in self.carol.shows(self.room) if one["sender"] == self.sally.user and part in one["text"]]
            return found and found[-1]
        return things.wait_until(look, 20, f"{part!r} on Matrix")

    def on_channel(self, part):
        """What was said in the channel, without who and where."""
        return self.bob.expect(part).split(f" #{self.name} :", 1)[1]

    def runs(self):
        try:
            with open(self.folder + "/ran") as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0
