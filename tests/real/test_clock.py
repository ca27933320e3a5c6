"""The wall clock is set by three days, either way, while something waits (threats L4, A4): nothing but approvals and codes ends early, nothing lives longer,
and the step is one line of the audit."""
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

from lib import faketime, things
from lib.attacked import Heard, OnIrc
from lib.gateway import Gateway, preloads

CONF = """
admins = {{ "bob" }}
irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no retry = "1s" }}
runner "ci" {{
	job "add" {{ run = {{ "/bin/sh", "-c", "echo ran $0 >>{folder}/ran", "{{target}}" }} param "target" {{ default = "test" }} }}
	job "slow" {{ run = {{ "/bin/sh", "-c", "until [ -e {folder}/go ]; do sleep 0.05; done" }} }}
}}
room "ops" {{ places = {{ "corp/#ops" }} services = {{ "ci" }} operators = yes }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "deployer" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "deployer" }} }}
role "deployer" {{ look = {{ "*" }} may = {{ "ci.*", "gateway.*" }} }}
approval "prod" {{ for = {{ "ci.build target=prod" }} by = "deployer" within = "30m" }}
approval "soon" {{ for = {{ "ci.build target=soon" }} by = "deployer" within = "4s" }}
approval "code" {{ for = {{ "ci.build target=code" }} by = "deployer" code = "15m" }}
freeze "stock-taking" {{ for = {{ "ci.build target=frozen" }} calendar = "freeze.ics" }}
"""
FROZEN = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nSUMMARY:stock-taking\nDTSTART;VALUE=DATE:{}0101\nDTEND;VALUE=DATE:{}0101\nEND:VEVENT\nEND:VCALENDAR\n"
STEPS = {"+3d": "the wall clock went forward by 3 days", "-3d": "the wall clock was set back by 3 days"}


def totp(secret, at):
    """RFC 6238, at a moment."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7fffffff) % 10**6:06d}"


def load_tests(loader, tests, pattern):
    """Under a sanitizer, or another program, no library can come first: these are not of that build."""
    return tests if preloads() else unittest.TestSuite()


@unittest.skipUnless(faketime.library(), "needs libfaketime")
class AClockThatIsSet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.network = Heard()
        self.addCleanup(self.network.close)
        self.ops, self.alone = OnIrc("corp", self.network, "#ops"), OnIrc("corp", self.network, "alice")
        self.clock = faketime.WallClock(self.folder)
        with open(os.path.join(self.folder, "freeze.ics"), "w") as f:
            f.write(FROZEN.format(time.gmtime().tm_year - 1, time.gmtime().tm_year + 2))
        self.gateway = Gateway(self.folder, CONF.format(port=self.network.port, folder=self.folder))
        self.addCleanup(self.gateway.stop)
        self.start()

    def start(self):
        self.network.joined.clear()
        self.gateway.start(env=self.clock.env)
        self.assertTrue(self.network.joined.wait(30), "the gateway joined")

    def expect(self, place, part, after=0):
        def look():
            return next((text for text in place.shows()[after:] if part in text), None)
        try:
            return things.wait_until(look, 20, part)
        except AssertionError:
            self.fail(f"waited for {part!r}; it says {place.shows()[after:]}")

    def ask(self, text, part, who="alice"):
        after = len(self.ops.shows())
        self.ops.say(who, text)
        return self.expect(self.ops, part, after)

    def tell(self, text, part):
        after = len(self.alone.shows())
        self.network.say("alice", text, account="alice", target="sally")
        return self.expect(self.alone, part, after)

    def ran(self):
        try:
            with open(self.folder + "/ran") as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def step(self, offset, said=None):
        """And it is audited, once."""
        self.clock.set(offset)
        if said:
            rows = things.wait_until(lambda: [row for row in self.gateway.cli("audit", "list")[1].split("\n") if said in row], 20, said)
            self.assertEqual(len(rows), 1, rows)

    def enrol(self):
        self.ask("!code enrol alice", "alice may set up one-time codes", "bob")
        secret = re.search(r"secret=([A-Z2-7]{32})", self.tell("code begin", "otpauth://")).group(1)
        things.wait_until(lambda: time.time() % 30 < 15, 20, "a step that has just begun")
        self.tell(totp(secret, time.time() - 30), "Right. Your one-time codes are set up")
        return secret

    def test_an_approval_lives_no_longer_because_the_clock_is_set_back(self):
        self.ask("!build add target=soon", "B1 asked")
        began = time.monotonic()
        self.step("-3d", STEPS["-3d"])
        self.expect(self.ops, "B1 expired")
        self.assertLess(time.monotonic() - began, 15)
        self.ask("!approve B1", "waits for a yes", "bob")
        self.assertEqual(self.ran(), [])
        # One that is asked by the new clock is as good as any.
        self.ask("!build add target=soon", "B2 asked")
        self.ask("!approve B2", "B2 passed", "bob")
        self.assertEqual(self.ran(), ["ran soon"])

    def test_an_approval_that_is_over_by_the_wall_is_over(self):
        """A4: of both clocks, the earlier wins."""
        self.ask("!build add target=prod", "B1 asked")
        self.step("+3d", STEPS["+3d"])
        self.ask("!approve B1", "waits for a yes", "bob")
        self.assertEqual(self.ran(), [])

    def test_a_restart_gives_an_approval_no_more_time(self):
        self.ask("!build add target=prod", "B1 asked")
        self.gateway.stop()
        self.clock.set("-3d")
        self.start()
        self.expect(self.ops, "B1 expired")
        self.ask("!approve B1", "waits for a yes", "bob")
        self.assertEqual(self.ran(), [])

    def test_a_lock_neither_ends_early_nor_holds_for_longer(self):
        for i, offset in enumerate(STEPS):
            self.clock.set("+0")
            self.ask(f"!lock long{i} for=1h carts", "locked: long")
            self.ask(f"!lock short{i} for=3s carts", "locked: short")
            self.step(offset)
            self.ask(f"!build add target=long{i}", f"long{i} is locked by alice")
            self.expect(self.ops, f"unlocked: short{i}")
            self.ask(f"!build add target=short{i}", "passed")
            self.ask(f"!unlock long{i}", f"unlocked: long{i}")
        self.assertEqual(self.ran(), ["ran short0", "ran short1"])

    def test_a_freeze_that_goes_on_holds_either_way(self):
        for offset in STEPS:
            self.step(offset)
            self.ask("!build add target=frozen", f"is frozen until {time.gmtime().tm_year + 2}-01-01")
        self.assertEqual(self.ran(), [])

    def test_a_code_that_was_used_is_spent_however_the_clock_goes(self):
        secret = self.enrol()
        self.tell(f"code {totp(secret, time.time())}", "Right, and spent")
        used = totp(secret, time.time())
        for offset in ("-30", "-3d", "+3d"):
            self.step(offset)
            self.tell(f"code {used}", "tries left" if offset != "+3d" else "left")
        self.step("+0")
        self.tell(f"code {used}", "That code was used before")

    def test_who_gave_a_code_gives_another_one_once_the_clock_was_set(self):
        """The code that is fresh for 15 minutes is so by both clocks."""
        secret = self.enrol()
        self.ask("!build add target=code", "B1 asked: ci build add target=code, needs 1 other")
        self.step("+3d", STEPS["+3d"])
        self.ask("!build add target=code", "B2 asked: ci build add target=code, wants your one-time code")
        self.ask("!approve B2", "B2 waits for the one-time code of alice", "bob")
        self.tell(totp(secret, time.time() + 3 * 24 * 3600), "B2 goes on")
        self.ask("!approve B2", "B2 passed", "bob")
        self.assertEqual(self.ran(), ["ran code"])

    def test_a_build_is_followed_as_before(self):
        for i, offset in enumerate(STEPS, 1):
            self.clock.set("+0")
            self.ask("!build slow", f"B{i} running")
            self.step(offset)
            self.ask("!ping", "pong")
            open(self.folder + "/go", "w").close()
            self.expect(self.ops, f"B{i} passed")
            os.unlink(self.folder + "/go")


if __name__ == "__main__":
    unittest.main()
