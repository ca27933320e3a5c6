"""Accounts that people make their own: a code from the one is said from the other, both are proven, and for a day the new one cannot approve."""
import os
import re
import shutil
import signal
import tempfile
import unittest

from lib import both, things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """
admins = {{ "bob" }}
strangers = {{ "whoami" }}
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" }}
runner "ci" {{ job "add" {{ run = {{ "/bin/sh", "-c", "echo ran >>{folder}/ran" }} }} }}
room "ops" {{ places = {{ "hq/#ops:hs.test" }} services = {{ "ci" }} operators = yes }}
{persons}
role "deployer" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
approval "all" {{ for = {{ "ci.build" }} by = "deployer" reaction = yes }}
"""

ALICE = 'person "alice" { accounts = { "hq/@alice:hs.test" } roles = { "deployer" } }\n'
BOB = 'person "bob" { accounts = { "hq/@bob:hs.test" } roles = { "deployer" } }\n'
CAROL = 'person "carol" { accounts = { "hq/@carol:hs.test" } roles = { "deployer" } }\n'
ACCOUNTS = ["alice", "alice2", "bob", "carol", "mallory"]


class Pairs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally"] + ACCOUNTS)
        self.private = {name: self.hs.add_room(members=["sally", name], creator=name, direct=True) for name in ACCOUNTS}
        self.gateway = Gateway(self.folder, self.conf(ALICE + BOB + CAROL))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.start()

    def conf(self, persons):
        return CONF.format(server=self.hs.url, folder=self.folder, persons=persons)

    def start(self):
        self.gateway.start()
        things.wait_until(lambda: "1 room" in self.gateway.cli("status")[1], 20, "the link")

    def reload(self, persons):
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + self.conf(persons))
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        self.hs.expect("was read anew")

    def ran(self):
        return os.path.exists(self.folder + "/ran")

    def tell(self, name, text, answer):
        """In private; what is answered there."""
        before = len(self.answers(name))
        self.hs.say(name, self.private[name], text)
        things.wait_until(lambda: any(answer in body for body in self.answers(name)[before:]), 20,
                          f"{answer!r} to {name}, who hears {self.answers(name)[before:]}")
        return next(body for body in self.answers(name)[before:] if answer in body)

    def answers(self, name):
        return [one.body for one in self.hs.shows(self.private[name]) if one.sender == "@sally:hs.test" and one.body]

    def code(self, name="alice"):
        said = self.tell(name, "pair", "From your other account, say to me in private within 10 min: pair ")
        return re.search(r"pair ([A-Z2-9]{4}-[A-Z2-9]{4})\.", said).group(1)

    def pair(self):
        self.tell("alice2", f"pair {self.code()}", "If that is you: yes")
        return self.tell("alice2", "yes", "Paired.")

    def audit(self):
        return self.gateway.cli("audit", "list")[1]

    # The way it is meant.

    def test_two_accounts_become_one_person(self):
        self.tell("alice2", "whoami", "you are hq/@alice2:hs.test")
        said = self.tell("alice2", f"pair {self.code().lower().replace('-', '')}", "If that is you")
        self.assertEqual(said, "This makes hq/@alice2:hs.test an account of the person alice (hq/@alice:hs.test, role deployer). If that is you: yes")
        said = self.tell("alice2", "yes", "Paired")
        self.assertRegex(said, r"^Paired\. It may approve from .*\(in 24 h\)\. Undo: unpair hq/@alice2:hs\.test$")
        things.wait_until(lambda: "hq/@alice2:hs.test is your account now, as it said yes. If that was not you: unpair hq/@alice2:hs.test" in self.answers("alice"),
                          20, "the other account to hear of it")
        self.hs.expect("alice paired hq/@alice:hs.test with hq/@alice2:hs.test. Undo: !unpair hq/@alice2:hs.test", room=self.room)
        self.assertIn("you are alice by hq/@alice2:hs.test", self.tell("alice2", "whoami", "you are alice"))
        self.assertIn("hq/@alice2:hs.test is an account of alice: asked for by hq/@alice:hs.test, and said there", self.audit())

    def test_it_outlives_restarts_and_new_configurations(self):
        self.pair()
        self.gateway.kill()
        self.start()
        self.tell("alice2", "whoami", "you are alice by hq/@alice2:hs.test")
        self.reload(ALICE + BOB)
        self.tell("alice2", "whoami", "you are alice by hq/@alice2:hs.test")

    def test_who_asks_is_one_person_with_all_accounts(self):
        self.pair()
        self.hs.say("alice", self.room, "!build add")
        self.hs.expect("B1 asked")
        self.hs.say("alice2", self.room, "!approve B1")
        self.hs.expect("refused: you asked for B1, as hq/@alice:hs.test")
        self.assertFalse(self.ran())

    def test_a_fresh_account_cannot_approve(self):
        self.pair()
        self.hs.say("bob", self.room, "!build add")
        self.hs.expect("B1 asked")
        self.hs.say("alice2", self.room, "!approve B1")
        self.hs.expect("refused: hq/@alice2:hs.test was paired less than a day ago, so it cannot approve B1; it may from")
        self.assertFalse(self.ran())
        self.hs.say("alice", self.room, "!approve B1")
        self.hs.expect("B1 passed")

    def test_it_is_given_up_again(self):
        self.pair()
        self.tell("mallory", "unpair hq/@alice2:hs.test", "refused:")
        self.tell("carol", "unpair hq/@alice2:hs.test", "refused: hq/@alice2:hs.test is not your account; bob can unpair it")
        self.tell("alice", "unpair hq/@bob:hs.test", "hq/@bob:hs.test is an account of bob by the configuration")
        self.tell("alice", "unpair hq/@alice2:hs.test", "Unpaired: hq/@alice2:hs.test is no account of yours any more")
        self.tell("alice2", "whoami", "nobody I know")
        self.pair()
        self.tell("bob", "unpair hq/@alice2:hs.test", "Unpaired: hq/@alice2:hs.test is no account of alice any more")
        self.hs.expect("bob unpaired hq/@alice2:hs.test, which was an account of alice", room=self.room)
        self.tell("alice2", "whoami", "nobody I know")

    def test_who_has_left_takes_what_was_paired_along(self):
        self.pair()
        self.reload(BOB + CAROL)
        self.assertTrue([one for one in self.hs.shows(self.room) if one.body and "alice is no person any more, 1 paired account is void" in one.body])
        self.tell("alice2", "whoami", "nobody I know")
        things.wait_until(lambda: "is no person any more" in self.audit(), 20, "the row of the audit")
        # A later alice is somebody else.
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + self.conf(ALICE + BOB + CAROL))
        self.gateway.stop()
        self.start()
        self.tell("alice2", "whoami", "nobody I know")

    # What goes wrong.

    def test_a_code_is_good_once(self):
        code = self.code()
        self.tell("alice2", f"pair {code}", "If that is you")
        self.tell("mallory", f"pair {code}", "there is no such code")
        self.tell("alice2", "yes", "Paired")
        self.tell("mallory", f"pair {code}", "there is no such code")

    def test_only_the_newest_code_counts(self):
        first = self.code()
        second = self.code()
        self.tell("alice2", f"pair {first}", "there is no such code")
        self.tell("alice2", f"pair {second}", "If that is you")

    def test_a_code_that_others_read_counts_no_more(self):
        code = self.code()
        self.hs.say("carol", self.room, f"!pair {code}")
        self.hs.expect("a code that others read counts no more")
        self.tell("alice2", f"pair {code}", "there is no such code")
        self.hs.say("alice", self.room, "!pair")
        self.hs.expect("that is between the two of us; I wrote to you in private")

    def test_nobody_guesses(self):
        for left in (4, 3, 2, 1):
            self.tell("mallory", "pair AAAA-AAAA", f"{left} tr")
        self.tell("mallory", "pair AAAA-AAAA", "0 tries left")
        self.hs.expect("hq/@mallory:hs.test said 5 wrong codes for pairing", room=self.room)
        code = self.code()
        self.tell("mallory", f"pair {code}", "too many codes were wrong")
        self.tell("alice2", f"pair {code}", "If that is you")

    def test_an_account_of_somebody_else_changes_no_hands(self):
        code = self.code()
        self.tell("carol", f"pair {code}", "refused: hq/@carol:hs.test is an account of carol; the code counts no more")
        self.tell("alice2", f"pair {code}", "there is no such code")
        self.tell("alice", f"pair {self.code()}", "hq/@alice:hs.test is your account already")

    def test_a_yes_without_a_question_is_none(self):
        self.tell("mallory", "yes", "I asked you nothing here that a yes would answer")
        self.tell("alice2", "pair", "refused: hq/@alice2:hs.test is nobody I know. Say pair from an account that I know. Access is given by: bob")
        code = self.code()
        self.tell("alice2", f"pair {code}", "If that is you")
        # Who lost their account meanwhile gives nothing away.
        self.reload(BOB + CAROL)
        self.tell("alice2", "yes", "refused: hq/@alice:hs.test is no account of alice any more; the code counts no more")
        self.tell("alice2", "whoami", "nobody I know")


class AcrossChats(both.BothChats):
    """An account of services on a real Ergo and one of a real Synapse."""

    def test_an_account_on_irc_and_one_on_matrix(self):
        # carol is known on Matrix; on IRC she is other, whom nobody knows.
        private = self.carol.create(None, [self.sally.user], is_direct=True)
        things.wait_until(lambda: self.sally.user in self.carol.members(private), 20, "the gateway to come")
        self.carol.say(private, "pair")
        said = self.carol.expect("From your other account, say to me in private")
        code = re.search(r"pair ([A-Z2-9]{4}-[A-Z2-9]{4})", str(said)).group(1)
        other = self.on_irc("other")
        other.say("sally", f"pair {code}")
        other.expect("This makes corp/other an account of the person carol (hq/@carol:hs.test, role all). If that is you: yes")
        other.say("sally", "yes")
        other.expect("Paired. It may approve from")
        self.carol.expect("corp/other is your account now, as it said yes")
        other.say("#" + self.name, "!build hello")
        other.expect("B1 passed")
        self.assertEqual(self.runs(), 1)

    def test_a_nick_without_an_account_pairs_nothing(self):
        nobody = self.on_irc("guest", account=False)
        nobody.say("sally", "pair")
        nobody.expect("cannot prove who you are")
        nobody.say("sally", "yes")
        self.say("!ping still")
        self.bob.expect("pong still")
        self.assertEqual(self.runs(), 0)
