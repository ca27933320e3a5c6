"""The gateway as matrix-js-sdk sees it, a client that is not ours, over a real Synapse: what it shows, what rings, and what it sends that is none of ours."""
import os
import re
import shutil
import tempfile
import unittest
import urllib.request

from lib import irc, js_client, servers, synapse, things
from lib.gateway import Gateway

CONF = """
lines = {lines}
strangers = {{ "help", "ping", "whoami" }}
hooks {{ url = "http://127.0.0.1:{hooks}" listen = "127.0.0.1:{hooks}" }}
irc "corp" {{ nick = "sally" server = "127.0.0.1" port = {irc} tls = no flood = no }}
matrix "hq" {{ server = "{url}" user = "@sally:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" }}
runner "ci" {{
	job "web" {{ run = {{ "/bin/sh", "-c", "echo hello; sleep 1" }} }}
	job "flaky" {{ run = {{ "/bin/sh", "-c", "echo one; echo 'cart: expected 3, got 2'; exit 3" }} }}
	job "slow" {{ run = {{ "/bin/sleep", "60" }} }}
	job "touch" {{ run = {{ "/usr/bin/touch", "{folder}/ran" }} }}
{jobs}
}}
room "ops" {{ places = {{ "hq/#{alias}:hs.test" }} services = {{ "ci" }} operators = yes }}
room "both" {{ places = {{ "corp/#both", "hq/#{alias}-both:hs.test" }} services = {{ "ci" }} relay = yes }}
room "secret" {{ places = {{ "hq/#{alias}-secret:hs.test" }} services = {{ "ci" }} operators = yes }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "all" }} }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "looks" }} }}
role "all" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
role "looks" {{ look = {{ "*" }} }}
"""
JOBS = "\n".join(f'\tjob "a-job-with-a-rather-long-name-{i:03}" {{ run = {{ "/bin/true" }} }}' for i in range(50))
SALLY = "@sally:hs.test"
DONE, FAILED, SEEN, STOP = "\u2705", "\u274c", "\U0001f440", "\U0001f6d1"

# What the SDK warns of whatever we send: push rules that the server does not have, its own messages that are not sent yet, and those that came back
# before it had heard that they were.
NOT_OF_US = re.compile(r"^Adding default global |: Ignoring event=~|cannot be added to any timeline .*eventId=~")


@unittest.skipUnless(synapse.THERE and js_client.THERE, "needs Synapse and matrix-js-sdk")
class OnAnotherClient(unittest.TestCase):
    """alice may all, bob only looks; both do it through the SDK."""

    @classmethod
    def setUpClass(cls):
        cls.ngircd = servers.Ngircd().start()
        cls.addClassCleanup(cls.ngircd.remove)
        cls.server = synapse.Synapse().start()
        cls.addClassCleanup(cls.server.remove)
        for name in ("alice", "bob", "sally"):
            cls.server.register(name)
        cls.alice, cls.bob = (cls.client(name) for name in ("alice", "bob"))

    @classmethod
    def client(cls, name, **more):
        person = js_client.Person(cls.server.url, name, f"pw-{name}", **more)
        cls.addClassCleanup(person.close)
        return person

    def setUp(self):
        self.alias = self.id().split(".")[-1][5:45]
        self.room = self.alice.create(self.alias, [self.bob.user, SALLY])
        self.bob.join(self.room)
        self.both = self.alice.create(self.alias + "-both", [SALLY])
        self.secret = self.alice.create(self.alias + "-secret", [SALLY], encrypted=True)
        self.dave = irc.Person(self.ngircd.port, "dave")
        self.addCleanup(self.dave.close)
        self.dave.join("#both")
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hooks = things.free_port()
        self.start()

    def start(self, lines=10):
        self.gateway = Gateway(self.folder, CONF.format(url=self.server.url, folder=self.folder, alias=self.alias, irc=self.ngircd.port, hooks=self.hooks,
                                                         lines=lines, jobs=JOBS))
        self.gateway.secret("matrix-password", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.dave.expect(lambda line: line.startswith(":sally!") and " JOIN " in line)
        things.wait_until(lambda: "@sally:hs.test, 2 rooms" in self.gateway.cli("status")[1], 20, "Matrix")

    def tearDown(self):
        for person in (self.alice, self.bob):
            complaints = [line for line in person.complaints() if not NOT_OF_US.search(line)]
            self.assertEqual(complaints, [], f"matrix-js-sdk of {person.user}")

    def shown(self, part, person=None, room=None):
        return (person or self.alice).shown(room or self.room, SALLY, part)

    def signed(self, event, *signs):
        """Those are the signs of ours under it, as the SDK counts them."""
        things.wait_until(lambda: [key for key, senders in self.alice.message(self.room, event)["signs"] if SALLY in senders] == list(signs), 20, f"{signs} under it")

    def rung(self, person):
        """What of ours does anything there by the push rules."""
        return [one for one in person.heard(self.room) if one["sender"] == SALLY and (one["rings"] or one["highlight"] or one["sound"])]

    def ran(self):
        return os.path.exists(self.folder + "/ran")

    def the_end(self):
        """All that was said before has been heard."""
        self.alice.say(self.room, "!ping the-end")
        self.shown("pong the-end")

    def test_a_build_is_one_message_that_shows_its_last_state(self):
        asked = self.alice.say(self.room, "!build web")
        build = self.shown("B1 passed")
        self.assertEqual([one["id"] for one in self.alice.timeline(self.room) if one["sender"] == SALLY and "B1" in one["text"]], [build["id"]])
        self.assertEqual((build["edited"], build["answers"], build["thread"], build["kind"]), (True, asked, None, "m.notice"))
        self.assertIn("<strong>B1", build["html"])
        self.assertNotIn("*", build["text"])
        self.signed(asked, DONE)
        self.assertEqual(self.shown("B1 passed", self.bob)["id"], build["id"])

    def test_who_asked_is_rung_once_in_the_thread_under_the_build_and_nobody_else(self):
        asked = self.alice.say(self.room, "!build flaky")
        build = self.shown("!retry B1")
        self.signed(asked, FAILED)
        things.wait_until(lambda: self.rung(self.alice), 20, "it to ring")
        self.the_end()
        [ring] = self.rung(self.alice)
        self.assertTrue(ring["rings"] and ring["highlight"] and ring["sound"])
        [thread] = things.wait_until(lambda: self.alice.threads(self.room), 20, "the thread")
        self.assertEqual((thread["root"], thread["length"]), (build["id"], 1))
        [told] = [one for one in thread["events"] if one["id"] == ring["id"]]
        self.assertEqual((told["mentions"], told["thread"]), ({"user_ids": [self.alice.user]}, build["id"]))
        self.assertIn("B1 failed", told["text"])
        # For the others it is one more unread message, as all talk is, and no more than that.
        self.bob.shown(self.room, SALLY, "pong the-end")
        self.assertEqual([(one["id"], one["highlight"], one["sound"]) for one in self.rung(self.bob)], [(ring["id"], False, False)])

    def test_asked_in_a_thread_all_is_in_that_thread(self):
        root = self.alice.say(self.room, "let us see")
        self.alice.say(self.room, "!build web", thread=root)
        things.wait_until(lambda: [one for thread in self.alice.threads(self.room) if thread["root"] == root for one in thread["events"]
                                   if one["sender"] == SALLY and "B1 passed" in one["text"] and one["edited"]], 20, "the build in the thread")
        self.assertEqual([one for one in self.alice.timeline(self.room) if "B1" in one["text"]], [])

    def test_a_stop_sign_stops_a_build(self):
        self.alice.say(self.room, "!build slow")
        build = self.shown("B1 running")
        self.bob.react(self.room, build["id"], STOP)
        self.assertEqual(self.shown("refused: stop in ops needs")["answers"], build["id"])
        self.alice.react(self.room, build["id"], STOP)
        self.assertEqual(self.shown("B1 stopped")["id"], build["id"])
        self.assertEqual(self.alice.message(self.room, build["id"])["signs"], [[STOP, [self.bob.user, self.alice.user]]])

    def test_what_is_heard_is_seen(self):
        self.alice.say(self.room, "!build slow")
        self.shown("B1 running")
        asked = self.alice.say(self.room, "!stop B1")
        self.shown("B1 stopped")
        self.signed(asked, SEEN)

    def test_a_reply_is_a_command_and_what_it_quotes_is_none(self):
        self.alice.say(self.room, "!build web")
        build = self.shown("B1 passed")
        quote = f"> <{SALLY}> !build touch\n> !build touch\n\n"
        html = f'<mx-reply><blockquote><a href="https://matrix.to/#/{self.room}/{build["id"]}">In reply to</a> <a href="https://matrix.to/#/{SALLY}">{SALLY}</a>' \
               "<br>!build touch</blockquote></mx-reply>"
        said = self.alice.reply(self.room, build["id"], body=quote + "!ping with-a-quote", format="org.matrix.custom.html", formatted_body=html + "!ping with-a-quote")
        self.assertEqual(self.shown("pong with-a-quote")["answers"], said)
        said = self.alice.reply(self.room, build["id"], body="!ping without-one")
        self.assertEqual(self.shown("pong without-one")["answers"], said)
        self.assertFalse(self.ran())

    def test_an_edit_runs_nothing(self):
        said = self.alice.say(self.room, "an old line")
        self.alice.edit(self.room, said, "!build touch")
        asked = self.alice.say(self.room, "!ping once")
        answer = self.shown("pong once")
        self.alice.edit(self.room, asked, "!build touch")
        self.the_end()
        self.assertEqual((self.alice.message(self.room, said)["text"], self.alice.message(self.room, asked)["text"]), ("!build touch", "!build touch"))
        self.assertEqual(self.alice.message(self.room, answer["id"])["text"], answer["text"])
        self.assertFalse(self.ran())

    def test_what_was_asked_is_taken_back_and_the_build_goes_on(self):
        asked = self.alice.say(self.room, "!build slow")
        build = self.shown("B1 running")
        self.alice.redact(self.room, asked)
        self.the_end()
        self.assertTrue(self.alice.message(self.room, asked)["redacted"])
        self.assertEqual(self.shown("B1 running")["id"], build["id"])
        self.alice.say(self.room, "!stop B1")
        self.assertEqual(self.shown("B1 stopped")["id"], build["id"])

    def test_talk_of_the_sdk_reaches_irc(self):
        said = self.alice.html(self.both, "is **bold**", 'is <strong>bold</strong> and <em>slanted</em>, <a href="https://a.test/">see</a>')
        self.assertIn("<Alice> is \x02bold\x02 and \x1dslanted\x1d, see <https://a.test/>", self.dave.expect("bold"))
        self.alice.edit(self.both, said, "is plain")
        self.assertIn("<Alice> edited: is plain", self.dave.expect("plain"))
        self.alice.redact(self.both, said)
        self.assertIn("<Alice> took a message back", self.dave.expect("took"))

    def test_talk_of_irc_is_shown_by_the_sdk(self):
        self.dave.say("#both", "plain \x02bold\x02 & <b>no tag</b>")
        told = self.shown("plain", room=self.both)
        self.assertEqual((told["kind"], told["text"]), ("m.text", "dave (IRC): plain bold & <b>no tag</b>"))
        self.assertEqual(told["html"], "<strong>dave</strong> (IRC): plain <strong>bold</strong> &amp; &lt;b&gt;no tag&lt;/b&gt;")
        self.alice.reply(self.both, told["id"], body="an answer")
        self.assertIn('<Alice> to dave "plain bold', self.dave.expect("an answer"))

    def test_a_file_of_the_sdk_is_a_link_on_irc(self):
        self.alice.file(self.both, "notes.txt", "text/plain", "four\nwords\nof a\nfile\n")
        line = self.dave.expect("notes.txt")
        link = re.search(r"http://127\.0\.0\.1:\d+/f/\S+", line)
        self.assertTrue(link, line)
        with urllib.request.urlopen(link.group().rstrip(">,."), timeout=20) as answer:
            self.assertEqual(answer.read(), b"four\nwords\nof a\nfile\n")

    def test_a_private_room_that_it_opens_is_in_clear(self):
        self.gateway.stop()
        self.start(lines=2)
        self.alice.say(self.room, "!list")
        self.shown("!more")
        self.alice.say(self.room, "!more dm")
        [private] = things.wait_until(lambda: [one for one in self.alice.invitations() if one["direct"]], 20, "the invitation")
        self.assertEqual((private["direct"], private["encrypted"]), (SALLY, False))
        self.alice.join(private["room"])
        self.shown("name-034", room=private["room"])

    def test_an_encrypted_room_hears_nothing_in_clear(self):
        things.wait_until(lambda: "is encrypted" in self.gateway.cli("status")[1], 20, "status to say so")
        alice = self.client("alice", encrypts=True)
        said = alice.say(self.secret, "!build touch")
        self.assertTrue(things.wait_until(lambda: self.alice.message(self.secret, said), 20, "it to be there")["encrypted"])
        self.the_end()
        self.assertEqual([one for one in self.alice.timeline(self.secret) if one["sender"] == SALLY], [])
        self.assertFalse(self.ran())


if __name__ == "__main__":
    unittest.main()
