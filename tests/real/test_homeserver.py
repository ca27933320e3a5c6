"""The tests' own homeserver keeps to the description of Matrix, and its traps do what they say: what is proven with it depends on that."""
import gzip
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from lib.homeserver import Homeserver

V3 = "/_matrix/client/v3"
FILTER = {"room": {"timeline": {"limit": 5, "types": ["m.room.message", "m.room.member"]}, "state": {"lazy_load_members": True}}}


class Client:
    """What a gateway would ask, by urllib."""

    def __init__(self, hs, token=None):
        self.hs, self.token = hs, token
        self.since = None

    def ask(self, method, path, body=None, token=None, **query):
        url = self.hs.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(url, data, method=method)
        if token or self.token:
            request.add_header("Authorization", "Bearer " + (token or self.token))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                self.headers, text, status = answer.headers, answer.read(), answer.status
        except urllib.error.HTTPError as refused:
            self.headers, text, status = refused.headers, refused.read(), refused.code
        return status, json.loads(text) if "json" in self.headers["Content-Type"] else text

    def good(self, method, path, body=None, **query):
        status, answer = self.ask(method, V3 + path, body, **query)
        assert status == 200, (status, answer)
        return answer

    def login(self, device="SALLY1", **more):
        answer = self.good("POST", "/login", {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "sally"}, "password": "pw-sally",
                                              "device_id": device, **more})
        self.token = answer["access_token"]
        return answer

    def sync(self, timeout=0, **query):
        answer = self.good("GET", "/sync", timeout=timeout, **({"since": self.since} if self.since else {}), **query)
        self.since = answer["next_batch"]
        return answer

    def send(self, room, txn, body, type="m.room.message", **content):
        path = f"{V3}/rooms/{urllib.parse.quote(room)}/send/{type}/{txn}"
        return self.ask("PUT", path, {"msgtype": "m.text", "body": body, **content} if type == "m.room.message" else content)


def events(answer, room):
    return answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])


def bodies(answer, room):
    return [event["content"]["body"] for event in events(answer, room) if event["type"] == "m.room.message"]


class Homeservers(unittest.TestCase):
    def setUp(self):
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        self.sally = Client(self.hs)
        self.sally.login()
        self.addCleanup(lambda: self.assertEqual(self.hs.bugs, []))

    def code(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]["errcode"]), (status, code), answer)
        return answer[1]


class Descriptions(Homeservers):
    def test_a_first_sync_has_the_state_and_a_later_one_what_is_new(self):
        for n in range(8):
            self.hs.say("alice", self.room, f"old {n}")
        first = self.sally.sync(filter=json.dumps(FILTER))
        told = first["rooms"]["join"][self.room]
        self.assertEqual(bodies(first, self.room), [f"old {n}" for n in range(3, 8)])
        self.assertTrue(told["timeline"]["limited"])
        members = {e["state_key"] for e in told["state"]["events"] if e["type"] == "m.room.member"}
        self.assertEqual(members, {"@sally:hs.test", "@alice:hs.test"})
        since = self.sally.since
        self.hs.say("alice", self.room, "new")
        again = [bodies(self.sally.good("GET", "/sync", since=since), self.room) for _ in range(2)]
        self.assertEqual(again, [["new"], ["new"]])

    def test_a_sync_waits_for_news_and_not_for_longer(self):
        self.sally.sync()
        began = time.monotonic()
        self.assertNotIn("rooms", self.sally.sync(timeout=200))
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        said = threading.Timer(0.1, lambda: self.hs.say("alice", self.room, "!ping"))
        said.start()
        self.assertEqual(bodies(self.sally.sync(timeout=15000), self.room), ["!ping"])
        said.join()

    def test_a_gap_is_filled_exactly_by_messages(self):
        self.sally.sync()
        since = self.sally.since
        for n in range(25):
            self.hs.say("alice", self.room, f"line {n}")
        told = self.sally.sync()
        batch = told["rooms"]["join"][self.room]["timeline"]
        self.assertTrue(batch["limited"])
        missing, begin = [], since
        while begin:
            page = self.sally.good("GET", f"/rooms/{self.room}/messages", dir="f", to=batch["prev_batch"], limit=4, **{"from": begin})
            missing += [event["content"]["body"] for event in page["chunk"]]
            begin = page.get("end")
        self.assertEqual(missing + bodies(told, self.room), [f"line {n}" for n in range(25)])

    def test_a_transaction_belongs_to_a_device_and_to_its_first_body(self):
        self.sally.sync()
        first = self.sally.send(self.room, "t1", "one")
        self.sally.login()
        self.hs.restart()
        self.assertEqual(self.sally.send(self.room, "t1", "another"), first)
        self.assertEqual(events(self.sally.sync(), self.room)[0]["unsigned"]["transaction_id"], "t1")
        self.sally.login("OTHER")
        self.assertNotEqual(self.sally.send(self.room, "t1", "one"), first)
        self.hs.drop_txns()
        self.sally.send(self.room, "t1", "one")
        self.assertEqual([e["content"]["body"] for e in self.hs.sent("sally")], ["one", "one", "one"])

    def test_what_no_server_takes(self):
        send = self.sally.send
        self.code(send(self.room, "a", "x", number=1.5), 400, "M_BAD_JSON")
        self.code(send(self.room, "b", "\ud800"), 500, "M_UNKNOWN")
        self.code(send(self.room, "c", "x" * 70000), 413, "M_TOO_LARGE")
        self.code(send("!nowhere:hs.test", "d", "x"), 404, "M_NOT_FOUND")
        self.code(self.sally.ask("PUT", f"{V3}/rooms/{self.room}/send/m.room.message/e", b"{"), 400, "M_NOT_JSON")
        self.code(self.sally.ask("GET", V3 + "/sync", since="garbage"), 400, "M_UNKNOWN")
        self.code(self.sally.ask("GET", V3 + "/nothing"), 404, "M_UNRECOGNIZED")
        self.code(self.sally.ask("GET", V3 + "/account/whoami", token="wrong"), 401, "M_UNKNOWN_TOKEN")
        self.assertEqual(self.sally.ask("GET", V3 + "/sync", since="s99999")[0], 200)
        relation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": self.hs.say("alice", self.room, "!ping"), "key": "✅"}}
        self.assertEqual(send(self.room, "f", None, "m.reaction", **relation)[0], 200)
        self.code(send(self.room, "g", None, "m.reaction", **relation), 400, "M_DUPLICATE_ANNOTATION")

    def test_somebody_kicked_is_told_and_refused(self):
        self.sally.sync()
        self.hs.kick("sally", self.room, reason="noise")
        left = self.sally.sync()["rooms"]["leave"][self.room]["timeline"]["events"]
        self.assertEqual(left[-1]["content"]["reason"], "noise")
        self.code(self.sally.send(self.room, "a", "x"), 403, "M_FORBIDDEN")
        self.hs.ban("sally", self.room)
        self.code(self.sally.ask("POST", f"{V3}/join/{self.room}", {}), 403, "M_FORBIDDEN")

    def test_an_invitation_is_told_and_taken(self):
        self.sally.sync()
        room = self.hs.add_room(members=["bob"], public=False, encrypted=True)
        self.code(self.sally.ask("POST", f"{V3}/join/{room}", {}), 403, "M_FORBIDDEN")
        self.hs.invite("sally", room)
        stripped = self.sally.sync()["rooms"]["invite"][room]["invite_state"]["events"]
        self.assertIn("m.room.encryption", {event["type"] for event in stripped})
        self.sally.good("POST", f"/join/{room}", {})
        told = self.sally.sync()["rooms"]["join"][room]
        self.assertIn("m.room.member", {event["type"] for event in told["timeline"]["events"]})

    def test_an_upgrade_moves_the_alias_and_invites_nobody(self):
        self.sally.sync()
        new = self.hs.tombstone(self.room, public=True)
        told = self.sally.sync()
        self.assertEqual(events(told, self.room)[-1]["content"]["replacement_room"], new)
        self.assertNotIn("invite", told["rooms"])
        self.assertEqual(self.sally.good("GET", "/directory/room/%23ops%3Ahs.test")["room_id"], new)

    def test_a_private_room_and_its_account_data(self):
        self.sally.sync()
        room = self.sally.good("POST", "/createRoom", {"preset": "trusted_private_chat", "is_direct": True, "invite": ["@alice:hs.test"]})["room_id"]
        self.sally.good("PUT", "/user/@sally:hs.test/account_data/m.direct", {"@alice:hs.test": [room]})
        told = self.sally.sync()
        self.assertEqual(told["account_data"]["events"], [{"type": "m.direct", "content": {"@alice:hs.test": [room]}}])
        self.assertIn(room, told["rooms"]["join"])
        self.hs.join("alice", room)
        self.assertEqual(events(self.sally.sync(), room)[0]["state_key"], "@alice:hs.test")

    def test_files_need_a_token(self):
        given = self.sally.ask("POST", "/_matrix/media/v3/upload", b"\x00\x01figures", filename="a.bin")[1]["content_uri"].removeprefix("mxc://")
        self.assertEqual(self.sally.ask("GET", "/_matrix/client/v1/media/download/" + given)[1], b"\x00\x01figures")
        self.assertEqual(Client(self.hs).ask("GET", "/_matrix/client/v1/media/download/" + given)[0], 401)

    def test_a_conversation_as_it_is_shown(self):
        asked = self.hs.say("alice", self.room, "!build web")
        _, sent = self.sally.send(self.room, "1", "B1 running", **{"m.relates_to": {"m.in_reply_to": {"event_id": asked}}})
        card = self.hs.expect("B1 running")["event_id"]
        self.assertEqual(card, sent["event_id"])
        self.sally.send(self.room, "2", "* B1 passed", **{"m.new_content": {"msgtype": "m.text", "body": "B1 passed"},
                                                          "m.relates_to": {"rel_type": "m.replace", "event_id": card}})
        self.sally.send(self.room, "3", "detail", **{"m.relates_to": {"rel_type": "m.thread", "event_id": card}})
        self.sally.send(self.room, "4", None, "m.reaction", **{"m.relates_to": {"rel_type": "m.annotation", "event_id": asked, "key": "✅"}})
        self.hs.expect("B1 passed")
        shown = self.hs.shows(self.room)
        self.assertEqual([(m.body, m.edits, [t.body for t in m.thread]) for m in shown], [("!build web", 0, []), ("B1 passed", 1, ["detail"])])
        self.assertEqual((shown[0].reactions, shown[1].reply_to), ({"✅": ["@sally:hs.test"]}, asked))
        self.assertIsNone(self.hs.heard("B1", 0.05))
        self.sally.good("PUT", f"/rooms/{self.room}/typing/@sally:hs.test", {"typing": True, "timeout": 30000})
        self.sally.good("POST", f"/rooms/{self.room}/read_markers", {"m.fully_read": asked, "m.read": asked})
        self.assertEqual((self.hs.typing(self.room), self.hs.read_marker("sally", self.room)), (["@sally:hs.test"], asked))


class Logins(Homeservers):
    def whoami(self):
        return self.sally.ask("GET", V3 + "/account/whoami")

    def test_a_soft_logout_is_mended_by_refreshing(self):
        self.hs.lifetime(60000)
        old = self.sally.login(refresh_token=True)
        self.assertAlmostEqual(old["expires_in_ms"], 60000, delta=5000)
        self.hs.soft_logout("sally")
        self.assertTrue(self.code(self.whoami(), 401, "M_UNKNOWN_TOKEN")["soft_logout"])
        first = self.sally.good("POST", "/refresh", {"refresh_token": old["refresh_token"]})
        again = self.sally.good("POST", "/refresh", {"refresh_token": old["refresh_token"]})     # the first answer may have been lost
        self.assertNotEqual(first["access_token"], again["access_token"])
        self.sally.token = again["access_token"]
        self.assertEqual(self.whoami()[1]["device_id"], "SALLY1")
        self.code(self.sally.ask("POST", V3 + "/refresh", {"refresh_token": old["refresh_token"]}), 401, "M_UNKNOWN_TOKEN")

    def test_a_hard_logout_ends_a_sync_that_waits(self):
        self.hs.soft_logout("sally", refresh=False)
        self.assertTrue(self.code(self.whoami(), 401, "M_UNKNOWN_TOKEN")["soft_logout"])
        self.sally.login()
        self.sally.sync()
        threading.Timer(0.1, lambda: self.hs.hard_logout("sally")).start()
        self.assertNotIn("rooms", self.sally.sync(timeout=15000))
        self.assertFalse(self.code(self.whoami(), 401, "M_UNKNOWN_TOKEN")["soft_logout"])

    def test_other_ways_in(self):
        self.code(self.sally.ask("POST", V3 + "/login", {"type": "m.login.password", "identifier": {"user": "sally"}, "password": "no"}), 403, "M_FORBIDDEN")
        token = self.hs.login_token("sally")
        self.assertEqual(self.sally.good("POST", "/login", {"type": "m.login.token", "token": token})["user_id"], "@sally:hs.test")
        self.code(self.sally.ask("POST", V3 + "/login", {"type": "m.login.token", "token": token}), 403, "M_FORBIDDEN")
        self.hs.add_appservice("as-token", "@sally:hs.test")
        self.sally.token = "as-token"
        answer = self.sally.good("POST", "/login", {"type": "m.login.application_service", "identifier": {"type": "m.id.user", "user": "sally"}})
        self.assertEqual(answer["user_id"], "@sally:hs.test")
        self.sally.token = self.hs.token("sally", "FILE")
        self.assertEqual(self.whoami()[1]["device_id"], "FILE")
        self.hs.deactivate("sally")
        self.code(self.sally.ask("POST", V3 + "/login", {"type": "m.login.password", "user": "sally", "password": "pw-sally"}), 403, "M_USER_DEACTIVATED")

    def test_another_base_is_said(self):
        self.hs.well_known = "https://matrix.example"
        self.assertEqual(Client(self.hs).ask("GET", "/.well-known/matrix/client")[1], {"m.homeserver": {"base_url": "https://matrix.example"}})


class Traps(Homeservers):
    def test_a_storm_of_429_passes(self):
        storm = self.hs.limit(2, 1500, "/send/")
        for _ in range(2):
            self.assertEqual(self.code(self.sally.send(self.room, "t", "x"), 429, "M_LIMIT_EXCEEDED")["retry_after_ms"], 1500)
            self.assertEqual(self.sally.headers["Retry-After"], "2")
        self.assertEqual((self.sally.send(self.room, "t", "x")[0], storm.hits, len(self.hs.asked("/send/", "PUT"))), (200, 2, 3))

    def test_a_bucket_of_tokens_runs_dry(self):
        self.hs.throttle(0.2, 2)
        self.assertEqual([self.sally.send(self.room, n, "x")[0] for n in range(3)], [200, 200, 429])
        self.hs.calm()
        self.assertEqual(self.sally.send(self.room, 3, "x")[0], 200)

    def test_an_answer_is_cut_before_or_after_the_effect(self):
        for effect, after, count in ((False, 0, 0), (False, 100, 0), (True, 0, 1), (True, 10, 2), (True, 100, 3)):
            self.hs.cut(1, "/send/", after, effect)
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.sally.send(self.room, f"{effect}{after}", "x")
            self.assertEqual(len(self.hs.sent()), count)

    def test_failures_and_silence(self):
        self.hs.fail(1, 502, "/send/", b"<html>")
        self.hs.fail(1, 302, "/whoami", b"", Location="https://elsewhere.test/", **{"Content-Type": "text/html"})
        self.assertRaises(ValueError, self.sally.send, self.room, "a", "x")
        hung = self.hs.hang("/send/")
        waiting = threading.Thread(target=self.sally.send, args=(self.room, "a", "x"))
        waiting.start()
        self.hs.wait(lambda: hung.hits, 5)
        self.assertEqual(self.hs.sent(), [])
        hung.off()
        waiting.join(5)
        self.assertEqual(len(self.hs.sent()), 1)

    def test_what_hangs_when_the_server_stops_never_takes_effect(self):
        hung = self.hs.hang("/send/")
        waiting = threading.Thread(target=lambda: self.assertRaises((OSError, http.client.HTTPException), self.sally.send, self.room, "a", "x"))
        waiting.start()
        self.hs.wait(lambda: hung.hits, 5)
        self.hs.restart()
        hung.off()
        waiting.join(5)
        self.hs.wait(lambda: self.hs.asked("/send/")[0].status == 0, 5)
        self.assertEqual(self.hs.sent(), [])

    def test_a_trap_for_syncs_ends_the_one_that_waits_and_takes_the_next(self):
        self.sally.sync()
        waiting = threading.Thread(target=self.sally.sync, args=(15000,))
        waiting.start()
        self.hs.ready()
        trap = self.hs.fail(1, 502, "/sync$")
        self.hs.say("alice", self.room, "!ping")
        waiting.join(5)
        self.assertEqual((trap.hits, self.sally.ask("GET", V3 + "/sync", since=self.sally.since)[0]), (0, 502))
        self.assertEqual(bodies(self.sally.sync(), self.room), ["!ping"])

    def test_a_gap_is_told_when_all_of_it_was_said(self):
        self.sally.sync()
        since = self.sally.since
        self.hs.gap(self.room, 3)
        for n in range(3):
            self.hs.say("alice", self.room, f"hidden {n}")
        self.assertNotIn("rooms", self.sally.sync(timeout=50))
        self.assertEqual(self.sally.since, since)
        self.hs.say("alice", self.room, "seen")
        told = self.sally.sync()
        self.assertEqual((bodies(told, self.room), told["rooms"]["join"][self.room]["timeline"]["limited"]), (["seen"], True))
        page = self.sally.good("GET", f"/rooms/{self.room}/messages", dir="f", to=told["rooms"]["join"][self.room]["timeline"]["prev_batch"], **{"from": since})
        self.assertEqual([event["content"]["body"] for event in page["chunk"]], ["hidden 0", "hidden 1", "hidden 2"])

    def test_a_sync_is_repeated_or_comes_in_another_order(self):
        self.sally.sync()
        with self.hs.at_once():
            self.hs.say("alice", self.room, "one")
            self.hs.say("alice", self.room, "two")
        self.hs.reorder()
        self.assertEqual(bodies(self.sally.sync(), self.room), ["two", "one"])
        self.hs.repeat()
        self.assertEqual(bodies(self.sally.sync(), self.room), ["two", "one"])
        self.assertEqual(bodies(self.sally.sync(), self.room), [])

    def test_tokens_are_forgotten(self):
        self.sally.sync()
        threading.Timer(0.1, self.hs.forget).start()
        self.code(self.sally.ask("GET", V3 + "/sync", since=self.sally.since, timeout=15000), 400, "M_UNKNOWN")
        self.code(self.sally.ask("GET", V3 + "/sync", since=self.sally.since), 400, "M_UNKNOWN")
        self.sally.since = None
        self.sally.sync()
        self.sally.sync()

    def test_a_huge_answer_is_whole_and_counted(self):
        for way in ("events", "string", "nested"):
            self.hs.huge(3, way=way, length=True)
            if way == "nested":
                self.assertRaises(RecursionError, self.sally.ask, "GET", V3 + "/sync")
            else:
                self.assertGreater(len(json.dumps(self.sally.ask("GET", V3 + "/sync")[1])), 3 << 20)
            self.assertGreater(int(self.sally.headers["Content-Length"]), 3 << 20)
        self.hs.huge(3, way="gzip")
        answer = urllib.request.urlopen(urllib.request.Request(self.hs.url + V3 + "/sync", headers={"Authorization": "Bearer " + self.sally.token}))
        packed = answer.read()
        self.assertLess(len(packed), 10000)
        self.assertEqual(json.loads(gzip.decompress(packed))["next_batch"], "s1")

    def test_a_crowd_comes_to_who_does_not_load_lazily(self):
        self.hs.crowd(self.room, 2000)
        lazily = self.sally.sync(filter=json.dumps(FILTER))
        self.assertLess(len(lazily["rooms"]["join"][self.room]["state"]["events"]), 20)
        self.assertEqual(lazily["rooms"]["join"][self.room]["summary"]["m.joined_member_count"], 2002)
        self.hs.crowd(self.room, 2000, lazy=False)
        self.sally.since = None
        self.assertGreater(len(self.sally.sync(filter=json.dumps(FILTER))["rooms"]["join"][self.room]["state"]["events"]), 2000)

    def test_what_is_new_is_everywhere_and_what_is_old_still_there(self):
        self.sally.sync()
        self.hs.unknown_fields()
        self.hs.say("alice", self.room, "!ping")
        told = self.sally.sync()
        self.assertIn("!ping", [event["content"].get("body") for event in events(told, self.room)])
        self.assertIn("org.example.new", told)
        self.assertIn("org.example.new", events(told, self.room)[-1]["content"])
        self.assertIn("v2.0", self.sally.ask("GET", "/_matrix/client/versions")[1]["versions"])

    def test_a_restart_ends_connections_and_keeps_everything(self):
        self.sally.sync()
        self.hs.well_known = None
        with socket.create_connection(("127.0.0.1", self.hs.port)) as idle:
            self.hs.wait(lambda: len(self.hs.face.connections) >= 1, 5)
            self.hs.restart()
            idle.settimeout(5)
            try:
                self.assertEqual(idle.recv(1), b"")
            except ConnectionResetError:
                pass                                # ended all the same
        self.hs.say("alice", self.room, "after")
        self.assertEqual(bodies(self.sally.sync(), self.room), ["after"])
        self.assertEqual(self.sally.ask("GET", "/.well-known/matrix/client")[0], 404)


class OverTls(unittest.TestCase):
    def test_everything_comes_over_tls_also_after_a_restart(self):
        folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, folder, True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", "key", "-out", "pem"], check=True, cwd=folder, stderr=subprocess.DEVNULL)
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(os.path.join(folder, "pem"), os.path.join(folder, "key"))
        hs = Homeserver(tls=ours)
        self.addCleanup(hs.close)
        theirs = ssl.create_default_context(cafile=os.path.join(folder, "pem"))
        for _ in range(2):
            with urllib.request.urlopen(hs.url + "/_matrix/client/versions", timeout=20, context=theirs) as answer:
                self.assertIn("v1.12", json.load(answer)["versions"])
            hs.restart()


class Numbers(Homeservers):
    def test_five_hundred_rooms_and_hundreds_of_requests_a_second(self):
        self.hs.add_rooms("sally", 500)
        self.assertEqual(len(self.sally.sync()["rooms"]["join"]), 501)
        connection = http.client.HTTPConnection("127.0.0.1", self.hs.port)
        began = time.monotonic()
        for n in range(300):
            connection.request("PUT", f"{V3}/rooms/{self.room}/send/m.room.message/n{n}", b'{"msgtype":"m.text","body":"x"}',
                               {"Authorization": "Bearer " + self.sally.token})
            connection.getresponse().read()
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(len(self.hs.face.connections), 1)
        connection.close()
