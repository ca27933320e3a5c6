"""A room that is one conversation on IRC and on Matrix, over a real Ergo and a real Synapse: what is said in one place is told in the other."""
import os
import re
import shutil
import tempfile
import threading
import time
import unittest

from lib import both, irc, servers, synapse, things
from lib.gateway import PROGRAM, Gateway


class OneConversation(both.BothChats):
    def test_formatting_goes_both_ways(self):
        self.say("plain \x02bold\x02 \x1ditalic\x1d \x11code\x11 & <b>no tag</b>")
        told = self.on_matrix("plain")
        self.assertEqual((told["kind"], told["text"]), ("m.text", "bob (IRC): plain bold italic code & <b>no tag</b>"))
        self.assertEqual(told["html"], "<strong>bob</strong> (IRC): plain <strong>bold</strong> <em>italic</em> <code>code</code> &amp; &lt;b&gt;no tag&lt;/b&gt;")
        self.carol.say(self.room, "x", format="org.matrix.custom.html", formatted_body="is <strong>bold</strong> and <em>slanted</em>, <a href=\"https://a.test/\">see</a>")
        self.assertEqual(self.on_channel("bold"), "<Carol> is \x02bold\x02 and \x1dslanted\x1d, see <https://a.test/>")

    def test_an_emoji_of_several_stays_one(self):
        self.say("on it \U0001f469\u200d\U0001f4bb")
        self.assertEqual(self.on_matrix("on it")["text"], "bob (IRC): on it \U0001f469\u200d\U0001f4bb")
        self.carol.say(self.room, "well done \U0001f469\u200d\u2695\ufe0f")
        self.assertEqual(self.on_channel("well done"), "<Carol> well done \U0001f469\u200d\u2695\ufe0f")

    def test_an_action_is_told_as_one(self):
        self.say("\x01ACTION shrugs\x01")
        self.assertEqual(self.on_matrix("shrugs")["html"], "<em>bob shrugs</em>")
        self.carol.send(self.room, {"msgtype": "m.emote", "body": "waves"})
        self.assertEqual(self.on_channel("waves"), "* Carol waves")

    def test_an_edit_is_told_as_a_correction(self):
        said = self.carol.say(self.room, "restart done")
        self.on_channel("<Carol> restart done")
        self.carol.edit(self.room, said, "restart done twice")
        self.assertEqual(self.on_channel("twice"), "<Carol> edited: restart done twice")

    def test_an_answer_is_told_with_whom_it_answers_and_a_short_quote(self):
        self.say("is db1 up? " + "it was away " * 20)
        asked = self.on_matrix("is db1 up?")
        self.carol.reply(self.room, asked["id"], "yes, since 14:30")
        told = self.on_channel("since 14:30")
        self.assertRegex(told, r'^<Carol> to bob "is db1 up\? it was away[^"]{0,60}\.\.\.": yes, since 14:30$')
        # An answer on Matrix to somebody on Matrix is one too.
        mine = self.carol.say(self.room, "who is on call?")
        self.on_channel("on call")
        self.alice.reply(self.room, mine, "I am")
        self.assertEqual(self.on_channel("I am"), '<Alice> to Carol "who is on call?": I am')

    def test_what_is_taken_back(self):
        said = self.carol.say(self.room, "a secret slip")
        self.on_channel("slip")
        self.carol.redact(self.room, said)
        self.assertEqual(self.on_channel("took"), "<Carol> took a message back")

    def test_where_a_chat_edits_and_takes_back_it_does(self):
        self.gateway.stop()
        self.more = f', "hq/#{self.name}-2:hs.test"'
        second = self.carol.create(self.name + "-2", [self.sally.user])
        self.gateway = self.start("sally", "2 rooms")

        def there(part):
            return things.wait_until(lambda: [one for one in self.carol.shows(second) if part in one["text"]], 20, part)[-1]
        said = self.carol.say(self.room, "first words")
        told = there("first words")
        self.assertEqual(told["text"], "Carol (Matrix): first words")
        self.alice.reply(self.room, said, "an answer")
        self.assertEqual(there("an answer")["answers"], told["id"])
        self.carol.edit(self.room, said, "second words")
        self.assertEqual(there("second words")["id"], told["id"])
        self.alice.edit(self.room, said, "words of somebody else")
        self.carol.redact(self.room, said)
        things.wait_until(lambda: not [one for one in self.carol.shows(second) if one["id"] == told["id"]], 20, "it to be gone")
        self.on_channel("<Carol> took a message back")
        self.assertFalse(self.bob.heard("somebody else", 0.5))

    def test_who_comes_and_goes_is_told_where_it_is_wanted(self):
        self.gateway.stop()
        self.options = " joins = yes"
        self.gateway = self.start("sally")
        guest = self.on_irc("guest7", account=False)
        told = self.on_matrix("guest7 joined")
        self.assertEqual((told["kind"], told["text"], told["mentions"]), ("m.notice", "guest7 joined (IRC)", []))
        guest.send("NICK guest8")
        self.on_matrix("guest7 is now guest8 (IRC)")
        self.carol.in_room(self.room, "invite", self.other.user)
        self.other.join(self.room)
        self.assertIn(f"NOTICE #{self.name} :Other joined (Matrix)", self.bob.expect("Other joined"))
        self.carol.in_room(self.room, "kick", self.other.user, "too loud")
        self.assertIn("Other was removed by Carol: too loud (Matrix)", self.bob.expect("was removed"))
        guest.close()
        self.on_matrix("guest8 left")
        # Of who was there before, and of us, nothing was said.
        everything = [one["text"] for one in self.carol.shows(self.room) if one["sender"] == self.sally.user]
        self.assertEqual(len(everything), 3, everything)

    def test_a_file_is_named_with_its_kind_and_size(self):
        uri = self.carol.upload(b"x" * 219136, "image/png", "shot.png")
        self.carol.send(self.room, {"msgtype": "m.image", "body": "shot.png", "url": uri, "info": {"mimetype": "image/png", "size": 219136}})
        self.assertEqual(self.on_channel("shot.png"), "<Carol> shot.png, image, 219 KB")

    def test_nobody_is_pinged_by_accident(self):
        carol = self.on_irc("Carol", account=False)
        carol.joiners = True
        self.carol.say(self.room, "lunch?")
        self.assertIn("<C\u2060arol> lunch?", carol.expect("lunch?"))
        self.alice.say(self.room, "is not here under that name")
        self.assertIn("<Alice> is not here", carol.expect("not here"))
        # Nor do names in what is said, but of somebody of ours whom the line is addressed to.
        self.bob.joiners = True
        self.carol.say(self.room, "I saw bob and Carol there")
        self.assertIn("I saw b\u2060ob and C\u2060arol there", self.bob.expect("there"))
        self.carol.say(self.room, "bob: Carol is here")
        self.assertIn("<C\u2060arol> bob: C\u2060arol is here", self.bob.expect("is here"))
        self.carol.say(self.room, "x", format="org.matrix.custom.html", formatted_body=f'<a href="https://matrix.to/#/{self.alice.user}">Alice A.</a>, it is up')
        self.assertIn("<C\u2060arol> alice, it is up", self.bob.expect("it is up"))
        self.bob.joiners = False
        # On Matrix names in the text ring for nobody, but for somebody whom the line is addressed to and who has an account there.
        self.say("I saw carol and alice")
        self.assertEqual(self.on_matrix("I saw")["mentions"], [])
        self.say("@room carol is here")
        self.on_matrix("@room")
        event = next(event for event in reversed(self.carol.history(self.room)) if "@room" in event["content"].get("body", ""))
        self.assertEqual(event["content"]["m.mentions"], {})
        self.say("carol: look")
        self.assertEqual(self.on_matrix("look")["mentions"], [self.carol.user])
        self.say("bob: not there")
        self.assertEqual(self.on_matrix("not there")["mentions"], [])

    def test_a_command_on_irc_has_its_card_on_matrix_under_the_mirrored_line(self):
        self.say("!build hello")
        self.on_channel("B1 passed")
        told = self.on_matrix("bob (IRC): !build hello")
        card = self.on_matrix("B1 passed")
        self.assertEqual((card["answers"], card["kind"], card["mentions"]), (told["id"], "m.notice", []))
        self.assertEqual(self.runs(), 1)

    def test_a_command_on_matrix_has_its_card_on_irc_after_the_mirrored_line(self):
        asked = self.carol.say(self.room, "!build hello")
        self.assertEqual(self.on_channel("!build hello"), "<Carol> !build hello")
        self.assertNotIn("carol:", self.on_channel("B1 passed"))
        self.assertEqual(self.on_matrix("B1 passed")["answers"], asked)
        self.assertEqual(self.runs(), 1)

    def test_a_look_is_answered_where_it_was_asked_and_seen_in_the_other_place(self):
        self.say("!ping one")
        self.assertEqual(self.on_channel("pong one"), "bob: pong one")
        told, answer = self.on_matrix("!ping one"), self.on_matrix("pong one")
        self.assertEqual(answer["answers"], told["id"])
        asked = self.carol.say(self.room, "!ping two")
        self.assertEqual(self.on_matrix("pong two")["answers"], asked)
        self.on_channel("<Carol> !ping two")
        self.assertEqual(self.on_channel("pong two"), "pong two")

    def test_relayed_talk_is_no_command_and_relayed_people_have_no_rights(self):
        guest = self.on_irc("guest7", account=False)
        guest.say("#" + self.name, "!build hello")
        self.on_matrix("guest7 (IRC): !build hello")
        guest.expect("refused: I cannot prove who you are")
        self.carol.say(self.room, "x", **{"format": "org.matrix.custom.html", "formatted_body": "&lt;alice&gt; !build hello"})
        self.on_channel("<alice> !build hello")
        self.carol.say(self.room, "!build hello")
        self.on_channel("B1 passed")
        self.say("!ping last")
        self.on_matrix("pong last")
        self.assertEqual(self.runs(), 1)
        self.assertEqual(len([line for line in self.gateway.cli("audit", "list")[1].split("\n") if " asked " in line and "build hello" in line]), 1)

    def test_a_secret_is_not_told(self):
        self.say("the password is pw-sally, yes")
        self.assertNotIn("pw-sally", self.on_matrix("the password is")["text"])
        self.carol.say(self.room, "there it is pw-sally, yes")
        self.assertNotIn("pw-sally", self.on_channel("there it is"))

    def test_two_gateways_in_the_same_rooms_do_not_relay_one_another_for_ever(self):
        self.other_gateway = self.start("other")
        self.say("hello over there")
        self.carol.say(self.room, "hello over here")
        self.on_matrix("hello over there")
        self.say("!ping after")
        self.on_matrix("pong after")
        self.bob.expect("pong after")
        self.bob.heard("never said", 2)
        texts = [one["text"] for one in self.carol.shows(self.room)]
        self.assertLessEqual(len([text for text in texts if "hello over there" in text]), 2, texts)
        self.assertLessEqual(len([text for text in texts if "hello over here" in text]), 2, texts)

NGIRCD = """
strangers = {{ "help", "ping", "whoami" }}
irc "corp" {{ nick = "{nick}" server = "127.0.0.1" port = {port} tls = no flood = no }}
matrix "hq" {{ server = "{url}" user = "@{nick}:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" }}
room "ops" {{ places = {{ "corp/#ops", "hq/#{alias}:hs.test"{more} }} relay = yes operators = yes }}
"""
LINES = int(os.environ.get("SALLYPORT_LINES", "50" if "-sanitizers" in PROGRAM else "150"))


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class WithoutTags(unittest.TestCase):
    """An ngircd, which knows no IRCv3."""

    @classmethod
    def setUpClass(cls):
        cls.ngircd = servers.Ngircd().start()
        cls.addClassCleanup(cls.ngircd.remove)
        cls.server = synapse.Synapse().start()
        cls.addClassCleanup(cls.server.remove)
        cls.carol, cls.sally, cls.other = (cls.server.register(name) for name in ("carol", "sally", "other"))

    def setUp(self):
        self.alias = self.id().split(".")[-1]
        self.room = self.carol.create(self.alias, [self.sally.user, self.other.user])
        self.bob = irc.Person(self.ngircd.port, "bob")
        self.addCleanup(self.bob.close)
        self.bob.join("#ops")
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    more = ""                                   # places of the room

    def start(self, nick):
        gateway = Gateway(tempfile.mkdtemp(dir=self.folder), NGIRCD.format(nick=nick, alias=self.alias, more=self.more, port=self.ngircd.port, url=self.server.url))
        gateway.secret("matrix-password", f"pw-{nick}")
        self.addCleanup(gateway.stop)
        gateway.start()
        self.bob.expect(lambda line: line.startswith(f":{nick}!") and " JOIN " in line)
        things.wait_until(lambda: f"@{nick}:hs.test, 1 room" in gateway.cli("status")[1], 20, "Matrix")
        return gateway

    def texts(self, limit=100):
        return [event["content"]["body"] for event in self.carol.history(self.room, limit) if event["type"] == "m.room.message"]

    def test_two_gateways_do_not_relay_one_another_for_ever(self):
        self.start("sally")
        self.start("other")
        self.bob.say("#ops", "hello over there")
        self.carol.say(self.room, "hello over here")
        for _ in ("sally", "other"):
            self.bob.expect("hello over here")
        self.bob.say("#ops", "the end")
        things.wait_until(lambda: len([text for text in self.texts() if "the end" in text]) >= 2, 20, "the end on Matrix")
        self.bob.heard("never said", 1)
        for words in ("over there", "over here", "the end"):
            self.assertLessEqual(len([text for text in self.texts() if words in text]), 3, self.texts())

    def test_two_gateways_between_two_channels_do_not_go_in_circles(self):
        self.more = ', "corp/#dev"'
        self.bob.join("#dev")
        self.start("sally")
        self.start("other")
        for text in ("only once", "many words " * 34):
            self.bob.say("#ops", text)
            lines = []
            while self.bob.heard("PRIVMSG", 3):
                lines.append(text)
                self.assertLess(len(lines), 30, "it goes in circles")
            self.assertGreaterEqual(len(lines), 2, "each of them tells it in the other channel")
            self.assertLessEqual(len([told for told in self.texts() if text.strip()[:20] in told]), 10, self.texts())
        for i in range(3):
            self.bob.say("#ops", f"once more {i}")
        self.bob.expect(lambda line: "NOTICE" in line and "as another gateway or bridge would" in line)
        # What people say goes on, also from one of those.
        self.bob.say("#ops", "still here")
        self.bob.expect("#dev :<bob> still here")

    def test_many_lines_in_both_directions_at_once(self):
        self.start("sally")
        began = time.monotonic()
        talkers = [threading.Thread(target=talk) for talk in (
            lambda: [self.bob.say("#ops", f"irc {i}") for i in range(LINES)],
            lambda: [self.carol.say(self.room, f"matrix {i}") for i in range(LINES)])]
        for talker in talkers:
            talker.start()
        heard = []
        while len(heard) < LINES:
            line = self.bob.heard("<Carol> matrix ", 20)
            self.assertTrue(line, f"of {LINES} lines {len(heard)} came to IRC, the last of them {heard[-1:]}")
            heard.append(line.split(" matrix ")[1])
        on_irc = time.monotonic() - began
        for talker in talkers:
            talker.join()

        things.wait_until(lambda: "irc %d" % (LINES - 1) in " ".join(self.texts(20)), 60, "all lines on Matrix")
        on_matrix = time.monotonic() - began
        self.assertIsNone(self.bob.heard("matrix", 0.5))
        self.assertEqual(heard, [str(i) for i in range(LINES)])
        told = [text.split(" irc ")[1] for text in self.texts(3 * LINES) if " irc " in text]
        self.assertEqual(told, [str(i) for i in range(LINES)])
        print(f"{LINES} lines each way: on IRC in {on_irc:.1f} s, on Matrix in {on_matrix:.1f} s ... ", end="", flush=True)


if __name__ == "__main__":
    unittest.main()
