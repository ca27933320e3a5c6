"""sallyport check --online: what is missing in each room, beside a gateway that runs and is not disturbed."""
import shutil
import tempfile
import unittest

from lib import things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """admins = {{ "alice" }}
matrix "hq" {{ server = "{url}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" }}
{rooms}
person "alice" {{ accounts = {{ "hq/@alice:hs.test" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} }}
"""


# Threats M7: power levels, and what is said of them: (our level, what speaking needs), or nothing.
SALLY = "@sally:hs.test"
LEVELS = [
    ({"users": {SALLY: 0}, "users_default": 50, "events_default": 50}, (0, 50)),        # 0 is not the same as none
    ({"users": {}, "users_default": 50, "events_default": 50}, None),
    ({"users": {}, "events_default": 50}, (0, 50)),
    ({"users": {SALLY: "100"}, "events_default": 50}, (0, 50)),                         # a number is a number
    ({"users": {SALLY: 100.0}, "events_default": 50}, (0, 50)),
    ({"users": {SALLY: True}, "users_default": 0, "events_default": 1}, (0, 1)),
    ({"users": {SALLY: None}, "users_default": "100", "events_default": 50}, (0, 50)),
    ({"users": {"@Sally:hs.test": 100}, "events_default": 50}, (0, 50)),
    ({"users": {SALLY: -1}}, (-1, 0)),
    ({"users": {SALLY: 2 ** 53 - 1}, "events_default": 2 ** 53 - 1}, None),
    ({"events": {"m.room.message": 0}, "events_default": 50}, None),
    ({"events": {"m.room.message": "0"}, "events_default": 50}, (0, 50)),
    ({"events": {"m.room.message": 50}, "events_default": 0}, (0, 50)),
    ({"events_default": "50"}, None),
]


class Online(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")

    def gateway(self, *aliases, secret="pw-sally"):
        rooms = "\n".join(f'room "r{i}" {{ places = {{ "hq/{alias}" }} }}' for i, alias in enumerate(aliases))
        gateway = Gateway(self.folder, CONF.format(url=self.hs.url, rooms=rooms))
        gateway.secret("secret", secret)
        self.addCleanup(gateway.stop)
        return gateway

    def test_nothing_is_missing(self):
        room = self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        self.hs.levels(room, redact=0)
        code, said = self.gateway("#ops:hs.test").cli("check", "--online")
        self.assertEqual((code, said), (0, "2 links, 1 room, 1 person, 1 role, 0 services: no mistakes, 0 troubles online\n"))
        self.assertEqual(self.hs.sent(), [])
        self.assertTrue(self.hs.asked("/logout"))

    def test_each_trouble_is_told_with_its_room_and_what_to_do(self):
        self.hs.add_room("#closed:hs.test", ["alice"], public=False)
        self.hs.add_room("#secret:hs.test", ["sally", "alice"], encrypted=True)
        silent = self.hs.add_room("#silent:hs.test", ["sally", "alice"])
        self.hs.levels(silent, events_default=50)
        old = self.hs.add_room("#old:hs.test", ["sally", "alice"], id="!old:hs.test")
        self.hs.tombstone(old)
        code, said = self.gateway("#none:hs.test", "#closed:hs.test", "#secret:hs.test", "#silent:hs.test", "!old:hs.test").cli("check", "--online")
        self.assertEqual(code, 1)
        for part in ('sallyport.conf:5: room "r0": hq: no room has the alias #none:hs.test',
                     'sallyport.conf:6: room "r1": hq: @sally:hs.test cannot join #closed:hs.test: invite it there',
                     'sallyport.conf:7: room "r2": hq: #secret:hs.test is encrypted',
                     'room "r3": hq: @sally:hs.test is in #silent:hs.test, but may not say anything there (level 0, needs 50)',
                     'room "r3": hq: @sally:hs.test is in #silent:hs.test, but may not redact there (level 0, needs 50), so a pasted code stays to be seen.',
                     'room "r4": hq: !old:hs.test was upgraded into'):
            self.assertIn(part, said)

    def test_power_levels_are_whole_numbers_and_none_is_not_zero(self):
        for i, (levels, _) in enumerate(LEVELS):
            room = self.hs.add_room(f"#level{i}:hs.test", ["sally", "alice"])
            self.hs.emit("alice", room, "m.room.power_levels", levels, "")
        said = self.gateway(*[f"#level{i}:hs.test" for i in range(len(LEVELS))]).cli("check", "--online")[1]
        for i, (levels, wanted) in enumerate(LEVELS):
            with self.subTest(levels):
                may_not = f"{SALLY} is in #level{i}:hs.test, but may not say anything there"
                self.assertIn(f"{may_not} (level {wanted[0]}, needs {wanted[1]})" if wanted else "", said)
                self.assertEqual(said.count(may_not), 1 if wanted else 0)

    def test_who_cannot_log_in_is_told_where_to_look(self):
        self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        code, said = self.gateway("#ops:hs.test", secret="wrong").cli("check", "--online")
        self.assertEqual(code, 1)
        self.assertIn('sallyport.conf:4: matrix "hq": ', said)
        self.assertIn("Look at user and the file of its secret", said)
        self.hs.stop()
        code, said = self.gateway("#ops:hs.test").cli("check", "--online")
        self.assertEqual(code, 1)
        self.assertIn('matrix "hq": ', said)

    def test_a_gateway_that_runs_is_not_disturbed(self):
        room = self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        gateway = self.gateway("#ops:hs.test")
        gateway.start()
        things.wait_until(lambda: "1 room" in gateway.cli("status")[1], 20, "the link")
        logins = len(self.hs.asked("/login", "POST"))
        gateway.cli("check", "--online")
        self.assertEqual(len(self.hs.asked("/login", "POST")), logins + 1)
        self.hs.say("alice", room, "!ping after")
        self.hs.expect("pong after")
        self.assertEqual(len(self.hs.asked("/login", "POST")), logins + 1)

    def test_another_word_is_refused(self):
        self.hs.add_room("#ops:hs.test", ["sally", "alice"])
        code, said = self.gateway("#ops:hs.test").cli("check", "--offline")
        self.assertEqual(code, 64)


if __name__ == "__main__":
    unittest.main()
