#!/usr/bin/env python3
"""Plays conversations: tests/sessions/*.session say what is typed in a room and what the gateway answers. Each is played on IRC and on Matrix.

    <alice> !ping          alice, logged in to services as alice, says it in #ops
    <guest7?> !help        somebody who is not logged in
    <alice*> help          alice says it in private
    -- text                the gateway answers: a NOTICE there (in private to whoever asked last)
    >> text                a PRIVMSG: it may ring
    ...                    whatever else comes until the line below matches
    [thread]               on Matrix what follows is said in a thread, and answered there, until [main]; IRC has none
    [edit TEXT]            on Matrix the last message is edited so; IRC has no edits
    irc -- text            said so on IRC alone; matrix -- text on Matrix alone
    # a comment            "# only irc" or "# only matrix" at the top: the other chat is left out; "# conf TEXT": more of the configuration

Every line of the gateway must be there, in this order, and no other. {span} {n} {any} stand for a duration, a number, anything.

On Matrix `--` is an m.notice or an edit that says it, `>>` an m.text that mentions who asked. Of its lines those words count that IRC says, too: a line of
a thing need not begin with its id, an edit addresses nobody, and an edit that says again what was said (progress, or what rang) may be there.
SALLYPORT_SHOW=1 prints what the rooms show.
sessions.py PROGRAM FILE ...: exits 1 where a conversation went another way."""
import glob
import os
import queue
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

CHATS = {
    "irc": 'irc "corp" {{ server = "127.0.0.1" port = {port} tls = no flood = no }}',
    "matrix": 'matrix "corp" {{ server = "http://127.0.0.1:{port}" user = "@sally:hs.test" password_file = "secret" poll = "5s" inviters = {{ "hs.test" }} }}',
}
CONF = r"""
strangers = {{ "help", "ping", "whoami" }}
admins = {{ "bob" }}
{chat}
room "ops" {{ places = {{ "corp/{channel}" }} services = {{ "ci", "lab" }} }}
person "alice" {{ accounts = {{ "corp/{alice}" }} roles = {{ "developer" }} }}
person "bob" {{ accounts = {{ "corp/{bob}" }} roles = {{ "developer", "releaser" }} }}
person "carol" {{ accounts = {{ "corp/{carol}" }} roles = {{ "reader" }} }}
role "reader" {{ look = {{ "*" }} may = {{ "gateway.lock" }} in = {{ "ops" }} }}
role "developer" {{ look = {{ "*" }} may = {{ "ci.build target!=prod", "ci.stop", "ci.retry", "ci.watch", "ci.unwatch", "lab.*" }} in = {{ "ops" }} }}
role "releaser" {{ may = {{ "ci.build", "gateway.lock" }} in = {{ "ops" }} }}
freeze "stock-taking" {{ for = {{ "ci.build branch=frozen" }} dates = {{ "2020-01-01 - 2099-12-31" }} except = {{ "releaser" }} }}
alias "ship" {{ is = "ci build web target=prod $*" in = {{ "ops" }} }}
runner "ci" {{
	job "web" {{
		about = "builds the shop"
		run = {{ "/bin/sh", "-c", 'echo "building $1 for $2"', "web", "{{branch}}", "{{target}}" }}
		param "target" {{ choices = {{ "staging", "prod" }} required = yes }}
		param "branch" {{ pattern = '[a-z0-9/-]{{1,40}}' default = "main" }}
	}}
	job "slow" {{ run = {{ "/bin/sh", "-c", 'echo begun; sleep 60' }} }}
	job "long" {{ run = {{ "/bin/sh", "-c", "seq 60" }} }}
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


class OnIrc:
    """What is said to and by the gateway on a scripted IRC network."""
    kind = "irc"
    names = {"channel": "#ops", "alice": "alice", "bob": "bob", "carol": "Carol"}

    def __init__(self):
        from lib.ircd import Network
        self.network = Network()
        self.port, self.channel = self.network.port, self.network.channel

    def wait(self, gateway):
        if not self.network.joined.wait(20):
            raise AssertionError("the gateway never joined")

    def say(self, nick, text, proven, private):
        self.network.say(nick, text, nick if proven else None, self.network.nick if private else None)

    def next(self):
        """(kind, where, text) of the next line."""
        # Names of people who are there are defused by a word joiner behind their first letter.
        kind, target, text = self.network.said.get(timeout=20)
        return kind, target, text.replace("\u2060", "")

    def fits(self, line, said):
        return said[0] == line[:2] and expression(line[3:]).fullmatch(said[2])

    def excess(self, said):
        return False

    def close(self):
        self.network.close()


class OnMatrix:
    """The same on a scripted homeserver."""
    kind = "matrix"
    names = {"channel": "#ops:hs.test", "alice": "@alice:hs.test", "bob": "@bob:hs.test", "carol": "@carol:hs.test"}
    channel = "#ops"

    def __init__(self):
        from lib.homeserver import Homeserver
        self.hs = Homeserver()
        self.hs.add_user("sally", password="pw-sally")
        self.room = self.hs.add_room("#ops:hs.test", ["sally", "alice", "bob", "carol"])
        self.port, self.private, self.taken, self.lines = self.hs.port, {}, 0, []
        self.thread = self.last = None
        self.states = set()                     # "B1 passed": what was said of things

    def wait(self, gateway):
        from lib import things
        things.wait_until(lambda: "1 room" in gateway.cli("status")[1], 20, "the gateway in the room")

    def room_with(self, nick):
        if nick not in self.private:
            self.private[nick] = self.hs.add_room(members=["sally", nick], public=False, direct=True)
        return self.private[nick]

    def say(self, nick, text, proven, private):
        who = nick if proven else f"@{nick}:elsewhere.test"
        self.hs.join(who, self.room)
        room = self.room_with(nick) if private else self.room
        self.last = nick, (self.hs.thread(who, self.thread, text) if self.thread and not private else self.hs.say(who, room, text))

    def direct(self, word, text):
        """[thread], [main], [edit TEXT]."""
        if word == "edit":
            self.hs.edit(self.last[0], self.last[1], text)
        else:
            self.thread = self.hs.say("bob", self.room, "let us see") if word == "thread" else None

    def take(self, event):
        content = event["content"]
        relates, new = content.get("m.relates_to", {}), content.get("m.new_content", content)
        edit, thread = "m.new_content" in content, relates.get("rel_type") == "m.thread"
        names = {room: nick for nick, room in self.private.items()}
        kind = ">>" if content["msgtype"] == "m.text" and content["m.mentions"].get("user_ids") else "--"
        if self.thread and not edit and event["room_id"] == self.room and relates.get("event_id") != self.thread:
            raise AssertionError(f"said outside of the thread: {new['body']}")
        lines = new["body"].replace("\u2060", "").split("\n")
        self.lines += [(kind, names.get(event["room_id"], self.channel), line, event["event_id"], edit, lines[0]) for line in lines]
        if os.environ.get("SALLYPORT_SHOW"):
            print("edit" if edit else "thread" if thread else "    ", content["msgtype"], new.get("formatted_body", new["body"]))

    def next(self):
        while not self.lines:
            def look():
                return next((event for event in self.hs.sent(type="m.room.message", after=self.taken)), None)
            event = self.hs.wait(look, 20, "something to be said")
            self.taken = event["pos"]
            self.take(event)
        return self.lines.pop(0)

    def fits(self, line, said):
        wanted = re.sub(r"corp/(alice|bob|carol|zed)\b", r"corp/@\1:hs.test", line[3:]).replace("proven by account-tag", "proven by homeserver")
        plain = re.sub(r"^\w+: ", "", wanted)
        kinds = (line[:2], "--") if said[4] else (line[:2],)
        for text in (wanted, plain, re.sub(r"^B\d+: ", "", plain)):
            if said[0] in kinds and expression(text).fullmatch(said[2]):
                self.states.add(self.state(said[5]))
                return True
        return False

    def state(self, text):
        found = re.match(r"(?:\w+: )?(B\d+ \w+):", text)
        return found and found.group(1)

    def excess(self, said):
        """An edit that says again what was said, and what rang but had been said."""
        again = self.state(said[5]) in self.states and self.state(said[5])
        if again and (said[4] or said[0] == ">>"):
            self.lines = [line for line in self.lines if line[3] != said[3]]
            return True
        return False

    def close(self):
        self.hs.close()


class Session:
    def __init__(self, chat):
        self.chat = chat
        self.target = chat.channel
        self.skipping = False

    def speak(self, line):
        who, text = re.fullmatch(r"<([^>]+)> (.*)", line).groups()
        nick = who.rstrip("?*")
        private = who.endswith("*")
        self.target = nick if private else self.chat.channel
        self.chat.say(nick, text, "?" not in who, private)

    def hear(self, line):
        while True:
            try:
                said = self.chat.next()
            except (queue.Empty, AssertionError) as none:
                raise AssertionError(f"nothing more was said; expected: {line} {none}") from None
            if said[1] == self.target and self.chat.fits(line, said):
                self.skipping = False
                return
            if not self.skipping and not self.chat.excess(said):
                raise AssertionError(f"expected: {line}\n     said: {said[0]} {said[2]}   (to {said[1]})")

    def quiet(self):
        """Nothing unexpected is left: a last ping must be the next thing that is answered."""
        self.target = self.chat.channel
        self.chat.say("alice", "!ping the-end", True, False)
        self.hear("-- alice: pong the-end")

    def play(self, lines):
        for line in lines:
            line = line.rstrip("\n")
            only = re.fullmatch(r"(irc|matrix) ((?:--|>>) .*)", line)
            if only and only.group(1) != self.chat.kind:
                continue
            line = only.group(2) if only else line
            direction = re.fullmatch(r"\[(\w+) ?(.*)\]", line)
            if not line or line.startswith("#"):
                continue
            if line == "...":
                self.skipping = True
            elif direction and hasattr(self.chat, "direct"):
                self.chat.direct(*direction.groups())
            elif line.startswith("<"):
                self.speak(line)
            elif not direction:
                self.hear(line)
        self.quiet()


def play(path, kind):
    from lib.gateway import Gateway
    folder = tempfile.mkdtemp(prefix="sallyport-")
    chat = {"irc": OnIrc, "matrix": OnMatrix}[kind]()
    with open(path) as f:
        more = "".join(re.findall(r"^# conf (.*\n)", f.read(), re.M))
    gateway = Gateway(folder, CONF.format(chat=CHATS[kind].format(port=chat.port), **chat.names) + more)
    gateway.secret("secret", "pw-sally")
    try:
        gateway.start()
        chat.wait(gateway)
        with open(path) as f:
            Session(chat).play(f)
        code = gateway.stop()
        if code != 0:
            raise AssertionError(f"the gateway ended with {code}")
        return True
    except AssertionError as error:
        print(f"{os.path.basename(path)} on {kind}: {error}")
        print(gateway.program.output()[-1500:])
        return False
    finally:
        gateway.stop()
        chat.close()
        shutil.rmtree(folder, True)


def chats_of(path):
    with open(path) as f:
        only = re.match(r"# only (\w+)", f.readline())
    return [only.group(1)] if only else ["irc", "matrix"]


def main():
    os.environ["SALLYPORT"] = os.path.abspath(sys.argv[1])
    sys.path.insert(0, HERE)
    paths = sys.argv[2:] or sorted(glob.glob(os.path.join(HERE, "sessions", "*.session")))
    told = [play(path, kind) for path in paths for kind in chats_of(path)]
    print(f"{sum(told)} conversations went as written, {len(told) - sum(told)} did not")
    return 0 if told and all(told) else 1


if __name__ == "__main__":
    sys.exit(main())
