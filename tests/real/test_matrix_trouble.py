"""Homeservers that are busy, broken, slow, forgetful or hostile: what is asked is done once, what is to be said is said once, and memory stays small."""
import os
import re
import shutil
import signal
import socket
import ssl
import tempfile
import time
import unittest

from lib import servers, things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """
strangers = {{ "ping" }}
admins = {{ "alice" }}
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" {login} retry = "1s" poll = "{poll}" {more} }}
runner "ci" {{ job "add" {{ run = {{ "/bin/sh", "-c", "echo ran >>{folder}/ran" }} }} }}
{services}
room "ops" {{ places = {{ {places} }} services = {{ "ci" {offers} }} operators = yes }}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
"""
BY_PASSWORD = 'password_file = "secret"'


class Trouble(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def world(self, start=True, **options):
        self.hs = Homeserver(**options)
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        return self.start() if start else None

    def start(self, secret="pw-sally", login=BY_PASSWORD, more="", server=None, places='"hq/#ops:hs.test"', poll="1s", services="", offers=""):
        self.gateway = Gateway(self.folder, CONF.format(server=server or self.hs.url, login=login, more=more, folder=self.folder, places=places, poll=poll,
                                                        services=services, offers=offers))
        self.gateway.secret("secret", secret)
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        return self.gateway

    def up(self, text="1 room"):
        things.wait_until(lambda: text in self.gateway.cli("status")[1], 20, f"{text} in the status")

    def ran(self):
        try:
            with open(self.folder + "/ran") as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def ping(self, word):
        self.hs.say("alice", self.room, f"!ping {word}")
        return self.hs.expect(f"pong {word}")

    def memory(self, what="VmHWM"):
        with open(f"/proc/{self.gateway.program.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(what))

    def sanitized(self):
        with open(f"/proc/{self.gateway.program.pid}/maps") as f:
            return "libasan" in f.read()

    # What is said is said once.

    def test_too_many_requests_are_waited_for_and_each_is_said_once(self):
        self.world()
        self.up()
        self.hs.limit(12, 30, "/send/")
        for i in range(10):
            self.hs.say("alice", self.room, f"!ping {i}")
        for i in range(10):
            self.hs.expect(f"pong {i}")
        self.assertEqual(len([event for event in self.hs.sent(type="m.room.message") if "pong" in event["content"]["body"]]), 10)

    def test_answers_that_are_cut_are_asked_for_again_and_nothing_is_doubled(self):
        self.world()
        self.up()
        self.hs.cut(2, "/send/", after_bytes=20, effect=True)
        self.hs.say("alice", self.room, "!build add")
        things.wait_until(lambda: [one for one in self.hs.shows(self.room) if one.body and "B1 passed" in one.body], 30, "the build's end")
        self.hs.cut(1, "/sync", after_bytes=40)
        self.ping("after")
        self.assertEqual(len([one for one in self.hs.shows(self.room) if one.sender == "@sally:hs.test" and "B1" in one.body]), 1)
        self.assertEqual(self.ran(), 1)

    def test_a_server_in_trouble_is_asked_again_and_what_waits_is_said(self):
        self.world()
        self.up()
        self.hs.fail(5, 502, "/send/", b"<html>bad gateway</html>")
        self.hs.say("alice", self.room, "!build add")
        things.wait_until(lambda: [one for one in self.hs.shows(self.room) if one.body and "B1 passed" in one.body], 60, "the build's end")
        trap = self.hs.fail(3, 503, "/sync")
        things.wait_until(lambda: trap.hits == 3, 20, "three tries")
        self.ping("again")

    def test_what_will_never_be_taken_is_dropped_and_the_operators_hear_of_it(self):
        self.world()
        self.up()
        self.hs.fail(1, 413, "/send/", {"errcode": "M_TOO_LARGE", "error": "event too large"})
        self.hs.say("alice", self.room, "!build add")
        things.wait_until(lambda: "was dropped" in self.gateway.program.output(), 20, "the word that it was dropped")
        self.ping("on")
        self.assertEqual(len(self.hs.asked("/send/")) < 12, True)

    # What is asked is done once.

    def test_told_twice_or_in_another_order_it_is_done_once(self):
        """Threats M5."""
        self.world()
        self.up()
        self.hs.reorder()
        with self.hs.at_once():
            self.hs.say("alice", self.room, "!build add")
            self.hs.say("alice", self.room, "!ping two")
        self.hs.expect("pong two")
        self.hs.repeat()
        self.ping("three")
        things.wait_until(lambda: self.ran() == 1, 20, "the build")
        self.hs.repeat()
        self.ping("four")
        self.assertEqual(self.ran(), 1)
        self.assertEqual(len([event for event in self.hs.sent() if "pong two" in event["content"].get("body", "")]), 1)

    def test_what_a_timeline_leaves_out_is_asked_for(self):
        self.world()
        self.up()
        self.hs.gap(self.room, 250)
        with self.hs.at_once():
            for i in range(255):
                self.hs.say("alice", self.room, "!build add" if i == 3 else f"line {i}")
        things.wait_until(lambda: self.ran() == 1, 30, "what was said in the gap")
        self.assertGreaterEqual(len(self.hs.asked("/messages")), 2)
        self.ping("after")
        self.assertEqual(self.ran(), 1)

    def test_a_server_that_was_put_back_and_knows_our_cursor_no_more(self):
        self.world()
        self.up()
        self.ping("one")
        self.gateway.stop()
        self.hs.forget()
        self.hs.say("alice", self.room, "!build add")
        asked = len(self.hs.requests)
        self.gateway.start()
        things.wait_until(lambda: "does not know how far I had heard" in self.gateway.program.output(), 20, "the warning")
        self.hs.ready(after=asked)
        self.ping("two")
        self.assertEqual(self.ran(), 0)

    def test_what_is_late_by_the_servers_clock_is_refused(self):
        self.world()
        self.up()
        for off, why in ((-10 * 60, "ago: I was away, or that clock and mine differ"),
                         (10 * 60 + 5, "the clock of the server is 10 min")):
            self.hs.emit("alice", self.room, "m.room.message", {"msgtype": "m.text", "body": "!build add"}, ts=int((time.time() + off) * 1000))
            self.hs.expect(why)
        self.assertEqual(self.ran(), 0)

    # Being logged in.

    def test_a_soft_logout_is_answered_by_the_refresh_token_or_a_new_login_of_the_same_device(self):
        self.world()
        self.up()
        self.hs.soft_logout("sally")
        self.ping("one")
        self.assertTrue(self.hs.asked("/refresh"))
        self.hs.soft_logout("sally", refresh=False)
        self.ping("two")
        bodies = [str(request.body) for request in self.hs.asked("/login", "POST")]
        self.assertEqual(len(bodies), 2)
        self.assertEqual({re.search(r"device_id\W+(\w+)", body).group(1) for body in bodies}, {"SALLYPORT"})

    def test_a_soft_logout_while_there_are_too_many_requests_stops_nothing(self):
        self.world()
        self.up()
        self.hs.limit(1, 300, "/send/")
        self.ping("one")
        self.hs.soft_logout("sally")
        self.ping("two")

    def test_an_answer_without_a_row_outlives_a_gateway_error(self):
        self.world()
        self.up()
        self.hs.fail(2, 502, "/send/", b"<html>bad gateway</html>")
        self.ping("one")
        self.assertEqual(len([event for event in self.hs.sent(type="m.room.message") if "pong" in event["content"]["body"]]), 1)

    def test_tokens_that_live_for_a_moment_are_renewed_without_a_word(self):
        self.world(start=False)
        self.hs.lifetime(700)
        self.start()
        self.up()
        for i in range(6):
            self.ping(i)
            things.wait_until(lambda i=i: len(self.hs.asked("/refresh")) > i // 2, 20, "a renewal")

    def test_a_hard_logout_is_an_alarm_and_no_loop(self):
        self.world()
        self.up()
        before = len(self.hs.asked("/login", "POST"))
        self.hs.hard_logout("sally")
        self.up("ended my session for good")
        things.wait_until(lambda: True)
        count = len(self.hs.requests)
        self.assertIn("hq       away", self.gateway.cli("status")[1])
        self.assertEqual(len(self.hs.asked("/login", "POST")), before)
        self.gateway.program.child.send_signal(1)
        self.up("1 room")
        self.ping("back")
        self.assertLess(count, len(self.hs.requests))

    def test_a_token_of_somebody_else_is_not_used(self):
        self.world(start=False)
        self.start(self.hs.token("alice", device="SALLYPORT"), 'token_file = "secret"')
        self.up("is not that of @sally:hs.test")
        self.assertEqual(self.hs.sent(), [])

    def test_a_token_and_an_application_service(self):
        self.world(start=False)
        self.start(self.hs.token("sally", device="SALLYPORT"), 'token_file = "secret"')
        self.up()
        self.ping("token")
        self.gateway.stop()
        self.hs.add_appservice("as-token-of-ours")
        self.start("as-token-of-ours", 'appservice_token_file = "secret"')
        self.up()
        self.ping("service")

    def test_a_wrong_password_is_told_and_not_tried_in_a_loop(self):
        self.world(start=False)
        self.start("wrong")
        self.up("Look at user and the file of its secret")
        self.assertEqual(len(self.hs.asked("/login", "POST")), 1)
        self.assertNotIn("wrong", self.gateway.program.output())

    def test_the_address_is_found_by_the_servers_name_and_tls_is_verified(self):
        ca = servers.certificate(self.folder, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, "server.pem"), os.path.join(self.folder, "server.key"))
        self.world(start=False, tls=context)
        self.start(server=f"localhost:{self.hs.port}", more=f'ca_file = "{ca}"')
        self.up()
        self.ping("tls")
        self.assertTrue(self.hs.asked("/.well-known/matrix/client"))
        self.gateway.stop()
        before = len(self.hs.requests)
        self.start(server=f"localhost:{self.hs.port}")
        self.up("certificate")
        self.assertEqual(len(self.hs.requests), before)

    # What is foreign is bounded.

    def test_new_fields_types_and_versions_break_nothing(self):
        self.world(start=False)
        self.hs.unknown_fields()
        self.start()
        self.up()
        self.hs.say("alice", self.room, "!build add")
        things.wait_until(lambda: self.ran() == 1, 20, "the build")
        self.ping("new")

    def test_three_hundred_megabytes_are_an_error_and_no_memory(self):
        """Threats L3."""
        self.world()
        self.up()
        for i, way in enumerate(("events", "string", "nested")):
            self.hs.huge(300, way=way)
            things.wait_until(lambda i=i: self.gateway.program.output().count("more than 4 MB") > i, 60, "the word that it is too much")
            self.ping(way)
        # What nobody asked to be packed is not unpacked.
        self.hs.huge(300, way="gzip")
        self.up("what cannot be read")
        self.up()
        self.ping("gzip")
        if not self.sanitized():
            self.assertLess(self.memory(), 64 * 1024)

    def test_fifty_thousand_members_and_five_hundred_rooms_are_small(self):
        self.world(start=False)
        self.hs.crowd(self.room, 50000)
        self.hs.add_rooms("sally", 500)
        self.start()
        self.up()
        self.ping("crowd")
        if not self.sanitized():
            self.assertLess(self.memory("VmRSS"), 40 * 1024)

    def test_members_that_are_sent_although_we_asked_for_few_are_an_error(self):
        self.world(start=False)
        self.hs.crowd(self.room, 50000, lazy=False)
        self.start()
        self.up("more than 4 MB")
        self.hs.crowd(self.room, 50000)
        self.up()
        self.ping("crowd")

    def test_five_hundred_invitations_of_strangers_are_left_alone(self):
        """Threats M3."""
        self.world()
        self.up()
        for i in range(500):
            self.hs.invite("sally", self.hs.add_room(members=["mallory"]), "mallory")
        self.ping("after")
        self.assertEqual([request.path for request in self.hs.asked("/join/") if "ops" not in request.path and self.room not in request.path], [])
        self.assertLess(len([line for line in self.gateway.program.output().split("\n") if "invitation" in line]), 50)

    def test_people_of_other_servers_are_nobody(self):
        """Threats M1."""
        self.world()
        self.up()
        for who in ("@alice:evil.test", "@Alice:hs.test", "@alice:HS.test", "@al\u0456ce:hs.test", "@" + "a" * 245 + ":hs.test"):
            self.hs.add_user(who)
            self.hs.join(who, self.room)
            self.hs.say(who, self.room, "!build add")
        self.ping("end")
        self.assertEqual(self.ran(), 0)
        self.assertEqual(len([line for line in self.gateway.cli("audit", "list")[1].split("\n") if "build add" in line]), 5)

    def test_a_room_that_is_upgraded_is_followed_only_where_that_is_wanted(self):
        """Threats M2."""
        self.world()
        self.up()
        new = self.hs.tombstone(self.room, members=["alice"], public=True)
        self.hs.expect("was upgraded into")
        self.hs.say("alice", new, "!build add")
        self.assertEqual(self.hs.asked(f"/join/{re.escape(new)}"), [])
        self.assertEqual(self.ran(), 0)
        self.gateway.stop()
        self.room = self.hs.add_room("#two:hs.test", ["sally", "alice"])
        self.start(more="upgrades = yes", places='"hq/#two:hs.test"')
        self.up()
        new = self.hs.tombstone(self.room, members=["alice"], public=True)
        self.hs.wait(lambda: [request for request in self.hs.requests if "/join/" in request.path and new in request.path], 20, "it to follow")
        self.room = new
        self.ping("there")

    # Signs of life.

    def test_a_room_that_a_reload_names_is_joined_while_a_question_waits(self):
        self.world(start=False)
        new = self.hs.add_room("#new:hs.test", ["alice"])
        self.start(poll="30s")
        self.up()
        self.ping("before")
        waiting = self.hs.wait(lambda: [r for r in self.hs.asked("/sync") if r.query.get("since") == f"s{self.hs.state.pos}" and r.query["timeout"] == "30000"],
                               what="a poll that waits")[-1]
        with open(self.gateway.conf) as f:
            conf = f.read()
        with open(self.gateway.conf, "w") as f:
            f.write(conf.replace('"hq/#ops:hs.test"', '"hq/#ops:hs.test", "hq/#new:hs.test"'))
        began, asked = time.monotonic(), len(self.hs.asked("/sync"))
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        self.hs.wait(lambda: len(self.hs.asked("/sync")) > asked, what="the next poll")
        self.up("2 rooms")
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual(self.hs.asked("/sync")[asked].query["since"], waiting.query["since"])
        self.hs.say("alice", new, "!ping new")
        self.hs.expect("pong new", room=new)
        self.hs.say("alice", self.room, "!build add")
        self.hs.expect("B1 passed")
        self.assertEqual(self.ran(), 1)

    def test_who_asks_sees_that_they_were_heard(self):
        self.world(start=False)
        self.start()
        self.up()
        asked = self.hs.say("alice", self.room, "!build add")
        self.hs.wait(lambda: self.hs.read_marker("sally", self.room) == asked, 20, "the read marker")

    def test_while_a_command_works_we_are_typing(self):
        self.world(start=False)
        slow = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(slow.close)
        self.start(services=f'buildbot "slow" {{ url = "http://127.0.0.1:{slow.getsockname()[1]}" user = "sally" password_file = "secret" }}', offers=', "slow"')
        self.up()
        self.ping("quick")
        self.hs.say("alice", self.room, "!slow list")
        self.hs.wait(lambda: self.hs.typing(self.room) == ["@sally:hs.test"], 20, "typing")
        # It is answered at last, and nobody is typing any more, long before the homeserver would end it by itself.
        slow.close()
        self.hs.expect("Buildbot ended the connection")
        self.hs.wait(lambda: not self.hs.typing(self.room), 10, "the end of it")
        # What is answered at once needs no such sign.
        self.ping("again")
        self.assertEqual(len(self.hs.asked("/typing/")), 2)


if __name__ == "__main__":
    unittest.main()
