"""One-time codes: set up in private by leave of an administrator, each good once; neither a secret nor a digit of one is written down."""
import base64
import hashlib
import hmac
import os
import re
import shutil
import struct
import tempfile
import time
import unittest

from lib import irc, servers, synapse, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob", "dana" }}
irc "corp" {{
	server = "localhost" port = {port} ca_file = "{ca}"
	account = "sally" password_file = "irc-password" sasl = "plain" flood = no
}}
room "ops" {{ places = {{ "corp/#ops" }} operators = yes }}
person "alice" {{ accounts = {{ "corp/alice" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "operator" }} }}
person "carol" {{ accounts = {{ "corp/carol" }} roles = {{ "operator" }} }}
person "dana" {{ accounts = {{ "corp/dana" }} }}
role "operator" {{ look = {{ "*" }} may = {{ "gateway.*" }} }}
"""

ON_MATRIX = """
admins = {{ "bob" }}
matrix "hq" {{ server = "{url}" user = "@sally:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" }}
room "ops" {{ places = {{ "hq/#codes:hs.test" }} }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "operator" }} }}
role "operator" {{ look = {{ "*" }} may = {{ "gateway.*" }} }}
"""

AT_THE_CONSOLE = """
admins = {{ "me" }}
{room}
person "me" {{ accounts = {{ "console/@owner" }} roles = {{ "operator" }} }}
role "operator" {{ look = {{ "*" }} may = {{ "gateway.*" }} }}
"""


def totp(secret, steps=0):
    """What an app shows, `steps` from now (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def at_the_beginning_of_a_step():
    """So that no step ends between two codes of a story."""
    things.wait_until(lambda: time.time() % 30 < 15, 20, "a step that has just begun")


def forms(secret):
    raw = base64.b32decode(secret)
    groups = " ".join(secret[i:i + 4] for i in range(0, len(secret), 4))
    return [secret.encode(), groups.encode(), raw, raw.hex().encode(), base64.b64encode(raw)]


class Codes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.secrets, self.spoken = [], []

    def tearDown(self):
        """Whatever happened: no secret is anywhere in what is kept and logged, no digit where people would read it."""
        self.gateway.stop()
        for base, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(base, name), "rb") as f:
                    content = f.read()
                for form in [form for secret in self.secrets for form in forms(secret)]:
                    self.assertNotIn(form, content, name)
        for text in (self.log(), self.gateway.cli("audit", "list")[1]):
            for digits in self.spoken:
                self.assertIsNone(re.search(r"\b" + digits[:3] + " ?" + digits[3:] + r"\b", text), digits)

    def log(self):
        with open(self.gateway.log, errors="replace") as f:
            return f.read()

    def code(self, secret, steps=0):
        self.spoken.append(totp(secret, steps))
        return self.spoken[-1]

    def secret_in(self, line):
        self.secrets.append(re.search(r"otpauth://totp/sally:\w+\?secret=([A-Z2-7]{32})&issuer=sally", line).group(1))
        return self.secrets[-1]

    def wrong(self, secret):
        near = [totp(secret, step) for step in range(-3, 4)]
        return next(f"{number:06d}" for number in range(111111, 999999) if f"{number:06d}" not in near)


@unittest.skipUnless(servers.TREES, "needs the real servers")
class OnIrc(Codes):
    @classmethod
    def setUpClass(cls):
        cls.ergo = servers.Ergo().start()
        cls.addClassCleanup(cls.ergo.remove)
        for name in ("sally", "alice", "bob", "carol", "dana"):
            irc.Person(cls.ergo.tls_port, name, tls=cls.ergo.ca, account=name, password="pw-" + name, register=True).close()

    def setUp(self):
        super().setUp()
        self.gateway = Gateway(self.folder, CONF.format(port=self.ergo.tls_port, ca=self.ergo.ca))
        self.gateway.secret("irc-password", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.alice, self.bob = self.person("alice"), self.person("bob")
        self.gateway.start()
        self.ready()

    def person(self, name):
        person = irc.Person(self.ergo.tls_port, name, tls=self.ergo.ca, account=name, password="pw-" + name)
        self.addCleanup(person.close)
        person.join("#ops")
        return person

    def ready(self):
        things.wait_until(lambda: " ok " in self.gateway.cli("status")[1].split("corp", 1)[-1].split("\n")[0], 20, "the link")
        self.bob.say("#ops", "!ping ready")
        self.bob.expect("pong ready")

    def alone(self, text, part):
        self.alice.say("sally", text)
        line = self.alice.expect(part)
        self.assertIn(" NOTICE alice ", line)
        return line

    def enrol(self):
        """Her secret; of the codes up to the one that is shown now, none counts any more."""
        self.bob.say("#ops", "!code enrol alice")
        self.bob.expect("alice may set up one-time codes until")
        secret = self.secret_in(self.alone("code begin", "otpauth://"))
        at_the_beginning_of_a_step()
        self.alone(self.code(secret, -1), "Right. Your one-time codes are set up")
        return secret

    def test_codes_are_set_up_in_private_by_leave_of_an_administrator(self):
        self.alone("code", "Your one-time codes are not set up. bob or dana can let you do it: !code enrol alice")
        self.alone("code begin", "nobody allows you to set up codes now")
        secret = self.enrol()
        self.alone("code", "Your one-time codes are set up since")
        self.alone(self.code(secret)[:3] + " " + self.code(secret)[3:], "Right, and spent")
        self.alone("code begin", "set up already")
        self.bob.say("#ops", "!code enrol alice")
        self.bob.expect("are set up since")
        table = self.gateway.cli("audit", "list")[1]
        for record in ("code enrol alice", "a new secret was made", "right: the codes are set up", "right, and spent"):
            self.assertIn(record, table)
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)

    def test_a_code_counts_once_also_after_a_restart(self):
        secret = self.enrol()
        self.alone("code " + self.code(secret), "Right, and spent")
        self.alone(self.code(secret), "That code was used before, 4 tries left")
        self.gateway.kill()
        self.gateway.start()
        self.ready()
        self.alone(self.code(secret), "That code was used before, 3 tries left")
        self.alone(self.code(secret, 1), "Right, and spent")

    def test_a_secret_that_is_not_proven_is_replaced(self):
        self.bob.say("#ops", "!code enrol alice")
        self.bob.expect("alice may set up")
        first = self.secret_in(self.alone("code begin", "otpauth://"))
        second = self.secret_in(self.alone("code begin", "otpauth://"))
        self.assertNotEqual(first, second)
        at_the_beginning_of_a_step()
        self.alone(self.code(first), "Not right, 4 tries left")
        self.alone("code", "not set up yet")
        self.alone(self.code(second), "Right. Your one-time codes are set up")

    def test_what_is_said_in_a_room_does_not_count(self):
        secret = self.enrol()
        self.alice.say("#ops", "!code begin")
        self.alice.expect(":alice: that is between the two of us")
        self.alice.say("#ops", "!code " + self.code(secret))
        self.alice.expect(":alice: a code that others read does not count")
        self.alone("code", "Your one-time codes are set up since")
        self.assertNotIn("right, and spent", self.gateway.cli("audit", "list")[1])

    def test_only_administrators_and_none_for_themselves(self):
        carol = self.person("carol")
        self.alice.say("#ops", "!code enrol alice")
        self.alice.expect("refused: ")
        carol.say("#ops", "!code enrol alice")
        carol.expect("refused: codes are set up and reset by: bob or dana")
        self.bob.say("#ops", "!code enrol bob")
        self.bob.expect("refused: nobody does that for themselves while somebody else can: dana")
        self.bob.say("#ops", "!code enrol zed")
        self.bob.expect("no person is called zed")
        self.bob.say("#ops", "!code enrol alice --dry-run")
        self.bob.expect("Would let one-time codes be set up by alice")
        self.alone("code begin", "nobody allows you")

    def test_five_wrong_ones_block_and_a_reset_ends_what_was(self):
        secret = self.enrol()
        for left in ("4 tries", "3 tries", "2 tries", "1 try"):
            self.alone(self.wrong(secret), f"Not right, {left} left")
        self.alone(self.wrong(secret), "No code of yours is looked at until")
        self.bob.expect("5 one-time codes of alice were wrong within 10 min")
        self.alone(self.code(secret), "Not looked at: too many were wrong")
        self.bob.say("#ops", "!code reset alice")
        self.bob.expect("The one-time codes of alice are gone")
        self.alone(self.code(secret), "Not looked at")
        self.bob.say("#ops", "!code reset alice")
        self.bob.expect("alice has no one-time codes")

    def test_another_key_reads_no_secret_and_says_so(self):
        secret = self.enrol()
        self.gateway.stop()
        os.unlink(os.path.join(self.gateway.state, "sealing.key"))
        self.gateway.start()
        self.ready()
        self.alone(self.code(secret), "Your codes cannot be checked")
        self.assertIn("The secret of code/alice cannot be read", self.log())
        self.bob.say("#ops", "!code reset alice")
        self.bob.expect("are gone")
        self.enrol()


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class OnMatrix(Codes):
    def setUp(self):
        super().setUp()
        server = synapse.Synapse().start()
        self.addCleanup(server.remove)
        self.alice, self.bob, self.sally = (server.register(name).listen() for name in ("alice", "bob", "sally"))
        for person in (self.alice, self.bob, self.sally):
            self.addCleanup(person.close)
        self.room = self.alice.create("codes", [self.bob.user, self.sally.user])
        self.bob.join(self.room)
        self.gateway = Gateway(self.folder, ON_MATRIX.format(url=server.url))
        self.gateway.secret("matrix-password", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        things.wait_until(lambda: "1 room" in self.gateway.cli("status")[1], 20, "the link to be up")

    def shown(self, person, room, part):
        def look():
            return [one for one in person.shows(room) if one["sender"] == self.sally.user and part in one["text"]]
        return things.wait_until(look, 20, f"{part!r} to be shown")[-1]["text"]

    def alone(self, room, text, part):
        said = self.alice.say(room, text)
        return said, self.shown(self.alice, room, part)

    def taken_away(self, room, event):
        things.wait_until(lambda: not [one for one in self.alice.history(room) if one["event_id"] == event and one["content"].get("body")], 20,
                          "the message to be gone")

    def test_in_a_room_of_ours_alone_the_code_is_taken_away_again(self):
        self.bob.say(self.room, "!code enrol alice")
        self.shown(self.bob, self.room, "alice may set up one-time codes")
        self.alice.say(self.room, "!code begin")
        private = self.alice.expect(lambda event: event["type"] == "invited")["room_id"]
        self.alice.join(private)
        self.shown(self.alice, private, "One-time codes are between the two of us")
        secret = self.secret_in(self.alone(private, "code begin", "otpauth://")[1])
        at_the_beginning_of_a_step()
        said, _ = self.alone(private, self.code(secret), "Right. Your one-time codes are set up")
        self.taken_away(private, said)
        said, _ = self.alone(self.room, "!code " + self.code(secret, 1), "a code that others read does not count")
        self.shown(self.alice, self.room, "I may not delete that message here; delete it yourself")


class AtTheConsole(Codes):
    def start(self, room=""):
        self.gateway = Gateway(self.folder, AT_THE_CONSOLE.format(room=room)).start()
        self.addCleanup(self.gateway.stop)
        console = self.gateway.console()
        self.addCleanup(console.close)
        return console

    def enrol(self, console, said="{}"):
        console.ask("!code enrol me", "There is no second administrator to look at this")
        secret = self.secret_in(console.ask(said.format("code begin"), "otpauth://"))
        at_the_beginning_of_a_step()
        console.ask(said.format(self.code(secret)), "Right. Your one-time codes are set up")
        console.ask(said.format(self.code(secret, 1)), "Right, and spent")

    def test_codes_are_set_up_where_only_the_machine_listens(self):
        self.enrol(self.start())

    def test_where_the_console_is_a_room_it_is_said_alone(self):
        console = self.start('room "here" { places = { "console/here" } operators = yes }')
        console.ask("!code begin", "that is between the two of us")
        self.enrol(console, "/msg sally {}")
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)


if __name__ == "__main__":
    unittest.main()
