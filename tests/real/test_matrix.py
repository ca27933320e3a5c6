"""Commands on Matrix, over a real Synapse: what the room shows, who may, what rings, and what is never a command."""
import json
import os
import shutil
import tempfile
import unittest

from lib import matrix, synapse, things
from lib.gateway import Gateway

CONF = """
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
matrix "hq" {{ server = "{url}" user = "@sally:hs.test" password_file = "matrix-password" inviters = {{ "hs.test" }} retry = "1s" {more} }}
runner "ci" {{
	job "web" {{ run = {{ "/bin/echo", "hello" }} }}
	job "flaky" {{ run = {{ "/bin/sh", "-c", "echo one; echo 'cart: expected 3, got 2'; sleep 1; exit 3" }} }}
	job "touch" {{ run = {{ "/usr/bin/touch", "{folder}/ran" }} }}
}}
room "ops" {{ places = {{ "hq/#{alias}:hs.test" }} services = {{ "ci" }} operators = yes }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "all" }} }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "looks" }} }}
role "all" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
role "looks" {{ look = {{ "*" }} }}
"""


@unittest.skipUnless(synapse.THERE, "needs the real servers")
class OnMatrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = synapse.Synapse().start()
        cls.addClassCleanup(cls.server.remove)
        cls.alice, cls.bob, cls.mallory, cls.sally = (cls.server.register(name).listen() for name in ("alice", "bob", "mallory", "sally"))
        for person in (cls.alice, cls.bob, cls.mallory, cls.sally):
            cls.addClassCleanup(person.close)

    def setUp(self):
        self.alias = self.id().split(".")[-1][:60]
        self.room = self.alice.create(self.alias, [person.user for person in (self.bob, self.mallory, self.sally)])
        for person in (self.bob, self.mallory):
            person.join(self.room)
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def start(self, more="", conf=CONF, up="1 room"):
        self.gateway = Gateway(self.folder, conf.format(url=self.server.url, folder=self.folder, alias=self.alias, more=more))
        self.gateway.secret("matrix-password", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.up(up)
        return self.gateway

    def up(self, text="1 room"):
        things.wait_until(lambda: text in self.gateway.cli("status")[1], 20, "the link to be up")

    def shown(self, part):
        """The newest message of ours that says that now."""
        def look():
            found = [one for one in self.alice.shows(self.room) if one["sender"] == self.sally.user and part in one["text"]]
            return found and found[-1]
        return things.wait_until(look, 20, f"{part!r} to be shown")

    def ran(self):
        return os.path.exists(self.folder + "/ran")

    def audited(self, part):
        return [line for line in self.gateway.cli("audit", "list")[1].split("\n") if part in line]

    def test_an_answer_is_a_notice_in_reply_and_mentions_nobody(self):
        self.start()
        asked = self.alice.say(self.room, "!ping one")
        answer = self.shown("pong one")
        self.assertEqual((answer["kind"], answer["answers"], answer["mentions"]), ("m.notice", asked, []))

    def test_a_build_is_one_message_that_is_edited_and_a_sign_on_what_asked(self):
        self.start()
        asked = self.alice.say(self.room, "!build web")
        build = self.shown("B1 passed")
        self.assertGreater(build["edits"], 0)
        self.assertEqual(build["answers"], asked)
        things.wait_until(lambda: (self.sally.user, "\u2705") in next(one for one in self.alice.shows(self.room) if one["id"] == asked)["signs"], 20, "the sign")

    def test_a_build_that_fails_rings_for_who_asked_in_the_thread_under_it(self):
        self.start()
        asked = self.alice.say(self.room, "!build flaky")
        ring = self.alice.expect(lambda event: "B1 failed" in event["content"].get("body", "") and event["content"].get("msgtype") == "m.text")["content"]
        self.assertEqual(ring["m.mentions"], {"user_ids": [self.alice.user]})
        build = self.shown("!retry B1")
        self.assertEqual((ring["m.relates_to"]["rel_type"], ring["m.relates_to"]["event_id"]), ("m.thread", build["id"]))
        self.assertIn("B1 failed: flaky, exit 3", build["text"])
        self.assertIn("cart: expected 3, got 2", build["text"])
        things.wait_until(lambda: (self.sally.user, "\u274c") in next(one for one in self.alice.shows(self.room) if one["id"] == asked)["signs"], 20, "the sign")

    def test_a_sign_on_a_build_stops_it_for_who_may(self):
        self.start(conf=CONF.replace('\tjob "web"', '\tjob "slow" {{ run = {{ "/bin/sleep", "60" }} }}\n\tjob "web"'))
        self.alice.say(self.room, "!build slow")
        build = self.shown("B1 running")
        for person, key in ((self.mallory, "\U0001f6d1"), (self.alice, "!stop B1"), (self.alice, "\U0001f44d")):
            person.react(self.room, build["id"], key)
        self.bob.react(self.room, build["id"], "\U0001f6d1")
        self.assertEqual(self.shown("refused: stop in ops needs")["answers"], build["id"])
        self.alice.react(self.room, build["id"], "\U0001f6d1\ufe0f")
        self.shown("B1 stopped")
        self.assertEqual(len([line for line in self.audited("ci stop B1") if " asked " in line]), 1)

    def test_who_stops_a_build_sees_that_it_was_heard(self):
        self.start(conf=CONF.replace('\tjob "web"', '\tjob "slow" {{ run = {{ "/bin/sleep", "60" }} }}\n\tjob "web"'))
        self.alice.say(self.room, "!build slow")
        self.shown("B1 running")
        asked = self.alice.say(self.room, "!stop B1")
        self.shown("B1 stopped")
        things.wait_until(lambda: (self.sally.user, "\U0001f440") in next(one for one in self.alice.shows(self.room) if one["id"] == asked)["signs"], 20, "the sign")

    def test_asked_in_a_thread_all_is_in_that_thread(self):
        self.start()
        root = self.alice.say(self.room, "let us see")
        self.alice.thread_say(self.room, root, "!build web")
        self.assertEqual(self.shown("B1 passed")["thread"], root)

    def test_who_may_not_is_refused_and_a_name_gives_no_right(self):
        self.start()
        self.mallory.rename("Alice")
        self.addCleanup(self.mallory.rename, "Mallory")
        self.mallory.say(self.room, "!build touch")
        self.assertIn("refused: hq/@mallory:hs.test is nobody I know", self.shown("refused")["text"])
        self.bob.say(self.room, "!build touch")
        self.assertIn("refused: build in ops needs", self.shown("refused: build")["text"])
        self.assertFalse(self.ran())
        self.assertEqual(len(self.audited("build touch")), 2)

    def test_what_is_never_a_command(self):
        """Threats M4: edits, notices, emotes, quotes, formatted text, what we say ourselves."""
        self.start()
        old = self.alice.say(self.room, "an old line")
        self.alice.edit(self.room, old, "!build touch")
        self.alice.send(self.room, {"msgtype": "m.notice", "body": "!build touch"})
        self.alice.send(self.room, {"msgtype": "m.emote", "body": "!build touch"})
        self.alice.send(self.room, {"msgtype": "m.text", "body": "nothing", "format": "org.matrix.custom.html", "formatted_body": "!build touch"})
        self.alice.send(self.room, {"msgtype": "m.file", "body": "!build touch", "url": "mxc://hs.test/x"})
        self.alice.say(self.room, "> <@alice:hs.test> !build touch\n\nno", **{"m.relates_to": {"m.in_reply_to": {"event_id": old}}})
        self.alice.react(self.room, old, "!build touch")
        self.sally.say(self.room, "!build touch")
        self.alice.say(self.room, "nul \0 !build touch")
        self.alice.say(self.room, "deep", x=json.loads("[" * 60 + "]" * 60))
        self.alice.say(self.room, "!ping the-end")
        self.shown("pong the-end")
        self.assertFalse(self.ran())
        self.assertEqual(self.audited("build touch"), [])

    def test_in_another_room_nothing_is_done_and_it_is_audited(self):
        """Threats M2."""
        self.start()
        other = self.alice.create(None, [self.sally.user, self.bob.user])
        self.sally.join(other)
        self.bob.join(other)
        self.alice.say(other, "!build touch")
        things.wait_until(lambda: self.audited("build touch"), 20, "the audit")
        self.assertIn("refused", self.audited("build touch")[0])
        self.assertFalse(self.ran())
        self.assertEqual([one for one in self.alice.shows(other) if one["sender"] == self.sally.user], [])
        self.sally.leave(other)

    def test_what_was_said_before_it_came_is_not_done(self):
        self.alias += "-2"
        self.room = self.alice.create(self.alias, [self.bob.user])
        self.start(up="not in #")
        for i in range(60):
            self.alice.say(self.room, "!build touch")
        self.alice.in_room(self.room, "invite", self.sally.user)
        self.up()
        self.alice.say(self.room, "!ping here")
        self.shown("pong here")
        self.assertFalse(self.ran())

    def test_in_private_without_a_prefix(self):
        self.start()
        private = self.alice.create(None, [self.sally.user], is_direct=True)
        self.addCleanup(self.sally.leave, private)
        things.wait_until(lambda: self.sally.user in self.alice.members(private), 20, "the gateway in the private room")
        self.alice.say(private, "ping two")
        self.alice.expect(lambda event: event["room_id"] == private and "pong two" in event["content"].get("body", ""))

    def test_a_whole_log_is_a_file(self):
        self.start(conf=CONF.replace('\tjob "web"', '\tjob "long" {{ run = {{ "/bin/sh", "-c", "seq 2000" }} }}\n\tjob "web"'))
        self.alice.say(self.room, "!build long")
        self.shown("B1 passed")
        self.alice.say(self.room, "!log B1 full")
        event = self.alice.expect(lambda event: event["content"].get("msgtype") == "m.file")["content"]
        self.assertEqual((event["filename"], event["info"]["mimetype"]), ("B1.log", "text/plain"))
        self.assertIn("B1 passed: long", event["body"])
        self.assertIn("\nB1: 1\nB1: 2\n", self.alice.download(event["url"]).decode())

    def test_a_long_answer_goes_on_or_is_a_file_or_told_in_a_room_of_ours_alone(self):
        jobs = "".join(f'\tjob "a-job-with-a-rather-long-name-{i:03}" {{{{ run = {{{{ "/bin/true" }}}} }}}}\n' for i in range(50))
        self.start(conf="lines = 2\n" + CONF.replace('\tjob "web"', jobs + '\tjob "web"'))
        self.alice.say(self.room, "!list")
        self.shown("!more")
        self.alice.say(self.room, "!more file")
        event = self.alice.expect(lambda event: event["content"].get("msgtype") == "m.file")["content"]
        self.assertIn("a-job-with-a-rather-long-name-034", self.alice.download(event["url"]).decode())
        self.alice.say(self.room, "!more dm")
        invited = self.alice.expect(lambda event: event["type"] == "invited")
        self.assertFalse([state for state in invited["state"] if state["type"] == "m.room.encryption"])
        self.alice.join(invited["room_id"])
        things.wait_until(lambda: [one for one in self.alice.shows(invited["room_id"]) if "name-034" in one["text"]], 20, "all of it in private")
        self.shown("I told you all of it in private")

    def test_invitations_of_others_are_not_taken(self):
        """Threats M3."""
        self.start(more="")
        stranger = self.mallory.create("elsewhere", [self.sally.user])
        self.alice.say(self.room, "!ping after")
        self.shown("pong after")
        self.assertNotIn(self.sally.user, self.mallory.members(stranger))

    def test_it_takes_up_where_it_was_and_runs_nothing_twice(self):
        gateway = self.start()
        self.alice.say(self.room, "!build web")
        self.shown("B1 passed")
        gateway.stop()
        self.alice.say(self.room, "!build web")
        gateway.start()
        self.shown("B2 passed")
        gateway.kill()
        gateway.start()
        self.alice.say(self.room, "!ping again")
        self.shown("pong again")
        self.assertEqual(len([line for line in self.audited("ci build web") if " asked " in line]), 2)

    def test_a_lost_cursor_runs_none_of_what_is_old(self):
        """Threats M5."""
        gateway = self.start()
        gateway.stop()
        for i in range(50):
            self.alice.say(self.room, "!build touch")
        shutil.rmtree(gateway.state)
        gateway.start()
        self.up()
        self.alice.say(self.room, "!ping new")
        self.shown("pong new")
        self.assertFalse(self.ran())
        self.assertEqual(self.audited("build touch"), [])

    def test_an_encrypted_room_hears_nothing_in_clear_and_it_is_said_once(self):
        secret = self.alice.create("secret", [self.sally.user], encrypted=True)
        self.addCleanup(self.alice.in_room, secret, "kick", self.sally.user)
        conf = CONF.replace('room "ops"', 'room "secret" {{ places = {{ "hq/#secret:hs.test" }} services = {{ "ci" }} operators = yes }}\nroom "ops"')
        gateway = self.start(conf=conf)
        self.up("#secret:hs.test is encrypted")
        self.assertIn("will not write in clear", self.shown("#secret:hs.test is encrypted")["text"])
        self.alice.say(secret, "!build touch")
        self.alice.say(self.room, "!ping still")
        self.shown("pong still")
        self.assertEqual([one for one in self.alice.shows(secret) if one["sender"] == self.sally.user], [])
        self.assertEqual(gateway.program.output().count("will not write in clear"), 1)

    def test_thrown_out_it_says_so_and_comes_back_when_invited(self):
        self.start()
        self.alice.in_room(self.room, "kick", self.sally.user, "too loud")
        self.up("removed by @alice:hs.test: too loud")
        self.alice.in_room(self.room, "invite", self.sally.user)
        self.up("1 room")
        self.alice.say(self.room, "!ping back")
        self.shown("pong back")

    def test_its_session_is_ended_for_good(self):
        """A hard logout is an alarm and no loop."""
        gateway = self.start()
        user = self.server.register("root", admin=True)
        matrix.ask(self.server.url, "DELETE", f"/_synapse/admin/v2/users/{matrix.quote(self.sally.user)}/devices/SALLYPORT", token=user.token)
        self.up("ended my session for good")
        self.assertIn("until the configuration is read anew", gateway.cli("status")[1])


if __name__ == "__main__":
    unittest.main()
