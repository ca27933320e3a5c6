"""People of a file or a program: they come, change and leave while the gateway runs, and take what is theirs along."""
import json
import os
import re
import shutil
import signal
import tempfile
import unittest

from lib import things
from lib.gateway import Gateway
from lib.homeserver import Homeserver

CONF = """
strangers = {{ "whoami" }}
admins = {{ "bob" }}
matrix "hq" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" }}
room "ops" {{ places = {{ "hq/#ops:hs.test" }} operators = yes }}
person "bob" {{ accounts = {{ "hq/@bob:hs.test" }} roles = {{ "all" }} }}
role "all" {{ look = {{ "*" }} may = {{ "gateway.*" }} }}
directory {{ {directory} every = "10s" {more} }}
"""
ACCOUNTS = ["bob", "dana", "dana2", "erin"]


def person(name, *roles):
    return {"name": name, "accounts": [f"hq/@{name}:hs.test"], "roles": list(roles)}


class Directory(unittest.TestCase):
    more = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = self.folder + "/people.json"
        self.hs = Homeserver()
        self.addCleanup(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally"] + ACCOUNTS)
        self.private = {name: self.hs.add_room(members=["sally", name], creator=name, direct=True) for name in ACCOUNTS}

    def write(self, *people):
        with open(self.path + ".new", "w") as f:
            json.dump({"persons": list(people)}, f)
        os.rename(self.path + ".new", self.path)

    def begin(self, directory=None):
        directory = directory or f'file = "{self.path}"'
        self.gateway = Gateway(self.folder, CONF.format(server=self.hs.url, directory=directory, more=self.more))
        self.gateway.secret("secret", "pw-sally")
        self.addCleanup(self.gateway.stop)
        self.start()

    def start(self):
        self.gateway.start()
        things.wait_until(lambda: "1 room" in self.gateway.cli("status")[1], 20, "the link")

    def reload(self):
        os.kill(self.gateway.program.pid, signal.SIGHUP)

    def log(self):
        with open(self.gateway.log, errors="replace") as f:
            return f.read()

    def logs(self, part, seconds=20):
        things.wait_until(lambda: part in self.log(), seconds, f"{part!r} in the log")

    def shows(self, room):
        return [one.body for one in self.hs.shows(room) if one.sender == "@sally:hs.test" and one.body]

    def hears(self, part):
        things.wait_until(lambda: any(part in body for body in self.shows(self.room)), 20, f"{part!r} in the room")

    def tell(self, name, text):
        """In private; what is answered there."""
        before = len(self.shows(self.private[name]))
        self.hs.say(name, self.private[name], text)
        things.wait_until(lambda: len(self.shows(self.private[name])) > before, 20, f"an answer to {text!r} of {name}")
        return self.shows(self.private[name])[before]

    def is_somebody(self, name, part):
        things.wait_until(lambda: part in self.tell(name, "whoami"), 20, f"{name} to be {part}")


class Reading(Directory):
    def test_people_come_and_leave(self):
        self.write(person("dana", "all"))
        self.begin()
        self.assertIn("you are dana by hq/@dana:hs.test, proven by homeserver, with the role all", self.tell("dana", "whoami"))
        self.assertIn("nobody I know", self.tell("erin", "whoami"))
        self.write(person("erin"))
        self.reload()
        self.is_somebody("erin", "you are erin by hq/@erin:hs.test, proven by homeserver, with no role")
        self.assertIn("nobody I know", self.tell("dana", "whoami"))
        self.assertIn("1 person; new: erin; gone: dana", self.gateway.cli("audit", "list")[1])

    def test_it_is_read_again_by_itself(self):
        self.write(person("dana", "all"))
        self.begin()
        self.write(person("dana"))
        self.is_somebody("dana", "with no role")

    def test_who_has_left_takes_what_is_theirs_along(self):
        self.write(person("dana", "all"))
        self.begin()
        code = re.search(r"pair (\S+)\.", self.tell("dana", "pair")).group(1)
        self.tell("dana2", "pair " + code)
        self.assertIn("Paired", self.tell("dana2", "yes"))
        self.write(person("erin"))
        self.reload()
        self.hears("dana is no person any more, 1 paired account is void")
        self.assertIn("nobody I know", self.tell("dana2", "whoami"))
        self.write(person("dana", "all"))
        self.reload()
        self.is_somebody("dana", "you are dana")
        self.assertIn("nobody I know", self.tell("dana2", "whoami"))

    def test_who_stands_in_the_configuration_is_as_they_stand_there(self):
        self.write({"name": "bob", "accounts": ["hq/@erin:hs.test"], "roles": []}, {"name": "mallory", "accounts": ["hq/@bob:hs.test"], "roles": ["all"]},
                   {"name": "dana", "accounts": ["hq/@dana:hs.test", "nowhere/dana"], "roles": ["all", "no-such-role"]})
        self.begin()
        self.assertIn("you are bob by hq/@bob:hs.test, proven by homeserver, with the role all", self.tell("bob", "whoami"))
        self.assertIn("nobody I know", self.tell("erin", "whoami"))
        self.assertIn("you are dana by hq/@dana:hs.test, proven by homeserver, with the role all", self.tell("dana", "whoami"))

    def test_a_program_that_is_fed_a_file(self):
        with open(self.path, "w") as f:
            f.write("dana hq/@dana:hs.test all\n")
        script = self.folder + "/people"
        with open(script, "w") as f:
            f.write('#!/bin/sh\nread name account role\n'
                    'printf \'{"persons":[{"name":"%s","accounts":["%s"],"roles":["%s"]}]}\' "$name" "$account" "$role"\n')
        os.chmod(script, 0o700)
        self.begin(f'file = "{self.path}" run = {{ "{script}" }}')
        self.assertIn("you are dana", self.tell("dana", "whoami"))


class Trouble(Directory):
    def test_it_is_told_once_and_what_was_said_counts(self):
        self.write(person("dana", "all"))
        self.begin()
        self.write(person("dana"), person("dana"))
        self.reload()
        self.hears("the directory is of no use: dana is there twice. What it said before counts meanwhile")
        os.unlink(self.path)
        self.gateway.kill()
        self.start()
        self.logs("No such file or directory. What it said before counts meanwhile.")
        self.assertIn("you are dana", self.tell("dana", "whoami"))
        self.write(person("dana"))
        self.reload()
        self.hears("the directory can be read again")
        self.is_somebody("dana", "with no role")

    def test_one_that_was_never_there_names_nobody(self):
        self.begin()
        self.hears("Nobody of it is known")
        self.assertIn("nobody I know", self.tell("dana", "whoami"))

    def test_more_than_half_of_all_at_once_are_not_believed(self):
        many = [person(f"p{i}") for i in range(8)] + [person("dana")]
        self.write(*many)
        self.begin()
        self.write(*many[:2])
        self.hears("more than half of its 9 people are gone at once; where they have left, reload my configuration")
        self.assertIn("you are dana", self.tell("dana", "whoami"))
        self.reload()
        self.is_somebody("dana", "nobody I know")

    def test_a_program_that_fails(self):
        self.begin('run = { "/bin/sh", "-c", "echo no; exit 3" }')
        self.hears("the directory is of no use: /bin/sh ended with exit code 3. Nobody of it is known")


class TooOld(Directory):
    more = 'stale = "10s"'

    def test_nobody_is_known_any_more(self):
        self.write(person("dana"))
        self.begin()
        self.assertIn("you are dana", self.tell("dana", "whoami"))
        os.unlink(self.path)
        self.logs("nobody of it is known any more", 40)
        self.is_somebody("dana", "nobody I know")
