#!/usr/bin/env python3
"""Plays conversations: tests/sessions/*.session say what is typed in a channel and what the gateway answers.

    <alice> !ping          alice, logged in to services as alice, says it in #ops
    <guest7?> !help        somebody who is not logged in
    <alice*> help          alice says it in private
    -- text                the gateway answers: a NOTICE there (in private to whoever asked last)
    >> text                a PRIVMSG: it may ring
    ...                    whatever else comes until the line below matches
    # a comment

Every line of the gateway must be there, in this order, and no other. {span} {n} {any} stand for a duration, a number, anything.
sessions.py PROGRAM FILE ...: exits 1 where a conversation went another way."""
import glob
import os
import queue
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

CONF = r"""
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no }}
room "ops" {{ places = {{ "corp/#ops" }} services = {{ "ci", "lab" }} }}
person "alice" {{ accounts = {{ "corp/alice" }} roles = {{ "developer" }} }}
person "bob" {{ accounts = {{ "corp/bob" }} roles = {{ "developer", "releaser" }} }}
person "carol" {{ accounts = {{ "corp/Carol" }} roles = {{ "reader" }} }}
role "reader" {{ look = {{ "*" }} in = {{ "ops" }} }}
role "developer" {{ look = {{ "*" }} may = {{ "ci.build target!=prod", "ci.stop", "ci.retry", "ci.watch", "ci.unwatch", "lab.*" }} in = {{ "ops" }} }}
role "releaser" {{ may = {{ "ci.build" }} in = {{ "ops" }} }}
alias "ship" {{ is = "ci build web target=prod $*" in = {{ "ops" }} }}
runner "ci" {{
	job "web" {{
		about = "builds the shop"
		run = {{ "/bin/sh", "-c", 'echo "building $1 for $2"', "web", "{{branch}}", "{{target}}" }}
		param "target" {{ choices = {{ "staging", "prod" }} required = yes }}
		param "branch" {{ pattern = '[a-z0-9/-]{{1,40}}' default = "main" }}
	}}
	job "slow" {{ run = {{ "/bin/sh", "-c", 'echo begun; sleep 60' }} }}
	job "broken" {{ run = {{ "/bin/sh", "-c", 'echo "cart_total: expected 3, got 2"; exit 1' }} }}
}}
runner "lab" {{
	job "docs" {{ run = {{ "/bin/echo", "written" }} }}
	job "web" {{ run = {{ "/bin/echo", "lab" }} }}
}}
"""
HOLES = {"{span}": r"\d+(\.\d)? (ms|s|min|h|days?)( \d+ (s|min|h))?", "{n}": r"\d+", "{any}": r".*"}


def expression(text):
    pattern = re.escape(text)
    for hole, stands_for in HOLES.items():
        pattern = pattern.replace(re.escape(hole), stands_for)
    return re.compile(pattern)


class Session:
    def __init__(self, network):
        self.network = network
        self.target = network.channel
        self.skipping = False

    def speak(self, line):
        who, text = re.fullmatch(r"<([^>]+)> (.*)", line).groups()
        nick = who.rstrip("?*")
        private = who.endswith("*")
        self.target = nick if private else self.network.channel
        self.network.say(nick, text, None if "?" in who else nick, self.network.nick if private else None)

    def hear(self, line):
        kind, text = line[:2], line[3:]
        while True:
            try:
                said = self.network.said.get(timeout=20)
            except queue.Empty:
                raise AssertionError(f"nothing more was said; expected: {line}") from None
            # Names of people who are there are defused by a word joiner behind their first letter.
            if said[0] == kind and said[1] == self.target and expression(text).fullmatch(said[2].replace("\u2060", "")):
                self.skipping = False
                return
            if not self.skipping:
                raise AssertionError(f"expected: {line}\n     said: {said[0]} {said[2]}   (to {said[1]})")

    def quiet(self):
        """Nothing unexpected is left: a last ping must be the next thing that is answered."""
        self.target = self.network.channel
        self.network.say("alice", "!ping the-end", "alice")
        self.hear("-- alice: pong the-end")

    def play(self, lines):
        for line in lines:
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line == "...":
                self.skipping = True
            elif line.startswith("<"):
                self.speak(line)
            else:
                self.hear(line)
        self.quiet()


def play(path):
    from lib.gateway import Gateway
    from lib.ircd import Network
    folder = tempfile.mkdtemp(prefix="sallyport-")
    network = Network()
    gateway = Gateway(folder, CONF.format(port=network.port))
    try:
        gateway.start()
        if not network.joined.wait(20):
            raise AssertionError("the gateway never joined")
        with open(path) as f:
            Session(network).play(f)
        code = gateway.stop()
        if code != 0:
            raise AssertionError(f"the gateway ended with {code}")
        return True
    except AssertionError as error:
        print(f"{os.path.basename(path)}: {error}")
        print(gateway.program.output()[-1500:])
        return False
    finally:
        gateway.stop()
        network.close()
        shutil.rmtree(folder, True)


def main():
    os.environ["SALLYPORT"] = os.path.abspath(sys.argv[1])
    sys.path.insert(0, HERE)
    paths = sys.argv[2:] or sorted(glob.glob(os.path.join(HERE, "sessions", "*.session")))
    bad = [path for path in paths if not play(path)]
    print(f"{len(paths) - len(bad)} conversations went as written, {len(bad)} did not")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
