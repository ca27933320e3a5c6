"""A gateway under attack: IRC networks of several kinds, a homeserver, a service whose runs are a ledger, and a room of its own for each attack."""
import json
import os
import re
import shutil
import signal
import tempfile
import time

from . import homeserver, things
from .gateway import Gateway
from .ircd import Network

# account-tag; another one with the same people; one that tells accounts and has WHOX; one that only tells; one that knows nothing of accounts.
TOLD = "account-notify batch chghost extended-join message-tags server-time"
NETWORKS = {"corp": {}, "hq": {}, "whox": {"caps": TOLD, "support": "WHOX"}, "told": {"caps": TOLD}, "plain": {"caps": ""}}
PEOPLE = ["alice", "alice2", "bob", "carol", "dana", "mallory", "zoe"]

CONF = """
strangers = {{ "ping", "whoami" }}
admins = {{ "alice" }}
{networks}
matrix "hs" {{ server = "{server}" user = "@sally:hs.test" password_file = "secret" retry = "1s" poll = "1s" inviters = {{ "hs.test" }} }}
runner "ci" {{
	job "add" {{ run = {{ "/bin/sh", "-c", "echo ran $0 >>{folder}/ran", "{{target}}" }} param "target" {{ default = "test" }} }}
}}
{rooms}
person "alice" {{ accounts = {{ "corp/alice", "whox/alice", "told/alice", "plain/alice", "hs/@alice:hs.test", "hs/@alice2:hs.test" }} roles = {{ "deployer" }} }}
person "bob" {{ accounts = {{ "corp/bob", "hs/@bob:hs.test" }} roles = {{ "deployer" }} }}
person "dana" {{ accounts = {{ "hs/@dana:hs.test" }} roles = {{ "deployer" }} }}
person "erin" {{ accounts = {{ "hs/@erin:hs.test" }} roles = {{ "deployer" }} }}
person "carol" {{ accounts = {{ "corp/carol", "hs/@carol:hs.test" }} roles = {{ "developer" }} }}
role "developer" {{ look = {{ "*" }} may = {{ "ci.*" }} }}
role "deployer" {{ like = {{ "developer" }} }}
approval "prod" {{ for = {{ "ci.build target=prod" }} by = "deployer" reaction = yes }}
approval "two" {{ for = {{ "ci.build target=two" }} by = "deployer" reaction = yes count = 2 }}
approval "said" {{ for = {{ "ci.build target=said" }} by = "deployer" }}
approval "soon" {{ for = {{ "ci.build target=soon" }} by = "deployer" reaction = yes within = "1s" }}
"""


class OnIrc:
    """A channel of one network, and what the gateway says there."""

    def __init__(self, link, network, channel):
        self.link, self.network, self.channel = link, network, channel

    def raw(self, line):
        self.network.send(line.replace("{}", self.channel))

    def say(self, who, text, account=True):
        """By somebody with an account of that name, where the network tells that of a message."""
        tag = account and "account-tag" in self.network.caps
        self.network.say(who, text, account=who if tag else None, target=self.channel)

    def enter(self, nick, account):
        self.raw(f":{nick}!u@host.test JOIN {{}} {account} :{nick}")

    def question(self):
        """Whom the gateway asks about next, and its token."""
        return self.network.asked.get(timeout=20)[1:]

    def answer(self, token, nick, account, user="u", host="host.test"):
        self.raw(f":net.test 354 {self.network.nick} {token} {{}} {user} {host} {nick} {account}")
        self.raw(f":net.test 315 {self.network.nick} {nick} :End of /WHO list.")

    def shows(self):
        return [text for target, text in list(self.network.lines) if target == self.channel]


class OnMatrix:
    """A room of the homeserver, and what the gateway says there, new texts of old messages too."""
    link = "hs"

    def __init__(self, hs, room):
        self.hs, self.room = hs, room

    def say(self, who, text, **content):
        return self.hs.say(who, self.room, text, **content)

    def shows(self):
        return [homeserver.body_of(event["content"]) for event in self.hs.sent(room=self.room, type="m.room.message")]

    def card(self, label):
        """The message of ours that tells of it."""
        return next(one for one in self.hs.shows(self.room) if one.sender == "@sally:hs.test" and one.body and f"{label} " in one.body).id


class Heard(Network):
    """A network that keeps all that the gateway says, in order."""

    def __init__(self, **options):
        self.lines = []
        super().__init__(**options)

    def on_privmsg(self, words):
        self.lines.append((words[0], words[1].replace("\u2060", "")))

    on_notice = on_privmsg


class World:
    """`rooms` has, for each room, the links where it has a place."""

    def __init__(self, rooms):
        self.undo, self.rooms, self.count = [], rooms, 0
        self.folder = tempfile.mkdtemp(prefix="sallyport-")
        self.undo.append(lambda: shutil.rmtree(self.folder, True))
        self.hs = homeserver.Homeserver()
        self.undo.append(self.hs.close)
        self.hs.add_user("sally", password="pw-sally")
        self.networks = {name: Heard(**options) for name, options in NETWORKS.items()}
        self.undo += [network.close for network in self.networks.values()]
        self.matrix = {name: self.hs.add_room(f"#{name}:hs.test", ["sally"] + PEOPLE) for name, links in rooms.items() if "hs" in links}
        self.gateway = Gateway(self.folder, self.conf())
        self.gateway.secret("secret", "pw-sally")
        self.undo.append(self.gateway.stop)
        self.start()

    def close(self):
        while self.undo:
            self.undo.pop()()

    def conf(self):
        places = {name: ", ".join(f'"{link}/#{name}' + (':hs.test"' if link == "hs" else '"') for link in links) for name, links in self.rooms.items()}
        return CONF.format(
            server=self.hs.url, folder=self.folder,
            networks="".join(f'irc "{name}" {{ server = "127.0.0.1" port = {network.port} tls = no flood = no retry = "1s" }}\n'
                             for name, network in self.networks.items()),
            rooms="".join(f'room "{name}" {{ places = {{ {places[name]} }} services = {{ "ci" }} }}\n' for name in self.rooms))

    def start(self):
        self.gateway.start()
        wanted = {link: {"#" + name for name, links in self.rooms.items() if link in links} for link in self.networks}
        things.wait_until(lambda: all(wanted[link] <= network.channels for link, network in self.networks.items()), 60, "the gateway in all channels")
        things.wait_until(lambda: f"{len(self.matrix)} room" in self.gateway.cli("status")[1], 60, "the gateway in all rooms")

    def restart(self, meanwhile):
        self.gateway.stop()
        meanwhile()
        self.start()

    def reload(self, old="", new=""):
        """With another configuration, or again with the first one."""
        conf, last = self.conf(), self.last()
        assert old in conf, old
        with open(self.gateway.conf, "w") as f:
            f.write(f'state = "{self.gateway.state}"\nlog = "debug"\n' + conf.replace(old, new, 1 if old else 0))
        os.kill(self.gateway.program.pid, signal.SIGHUP)
        try:
            things.wait_until(lambda: [one for one in self.listed(last) if one["what"] == "reloaded"], 20, "the reload")
        except AssertionError:
            raise AssertionError(self.gateway.program.output()[-2000:]) from None

    def place(self, name, link):
        return OnMatrix(self.hs, self.matrix[name]) if link == "hs" else OnIrc(link, self.networks[link], "#" + name)

    def private(self, who):
        """A Matrix room of somebody and the gateway alone."""
        return OnMatrix(self.hs, self.hs.add_room(members=["sally", who], creator=who, direct=True))

    # What came of it.

    def ran(self):
        """The ledger: a line for each run."""
        try:
            with open(self.folder + "/ran") as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def begun(self):
        """How many jobs there were, whatever they did."""
        jobs = os.path.join(self.gateway.state, "jobs")
        return len(os.listdir(jobs)) if os.path.isdir(jobs) else 0

    def listed(self, after=0):
        return [one for one in map(json.loads, self.gateway.cli("audit", "list", "--json")[1].split("\n")[:-1]) if one["seq"] > after]

    def records(self, after=0):
        """Of the audit: what people did, less what is asked here to see that the gateway is through."""
        return [one for one in self.listed(after) if one["what"] not in ("started", "stopped", "reloaded") and not (one["command"] or "").startswith("ping ")]

    def last(self):
        return max([one["seq"] for one in self.listed()], default=0)

    def expect(self, place, part, after=0, seconds=20):
        def look():
            return next((text for text in place.shows()[after:] if part in text), None)
        try:
            return things.wait_until(look, seconds, "words")
        except AssertionError:
            raise AssertionError(f"waited for {part!r} at {place.link}, where it says {place.shows()[after:]}; its log:\n"
                                 + self.gateway.program.output()[-1500:]) from None

    def through(self, place):
        """What was heard there before this has been dealt with. Where she can be proven, by carol: of strangers' commands the audit has 120 a minute."""
        self.count += 1
        place.say("carol" if place.link in ("corp", "hs") else "zoe", f"!ping end-{self.count}")
        self.expect(place, f"pong end-{self.count}")

    def asked(self, place, who="alice", target="prod"):
        """Something that waits for a yes: its id and its code."""
        after = len(place.shows())
        place.say(who, f"!build add target={target}")
        body = self.expect(place, " asked: ci build add", after)
        code = re.search(r"!approve ([A-Z2-9]{4}-[A-Z2-9]{4})", "\n".join(place.shows()[after:]))
        return re.search(r"(B\d+) asked", body).group(1), code.group(1) if code else None


def after(seconds):
    end = time.monotonic() + seconds
    things.wait_until(lambda: time.monotonic() > end, seconds + 5, "time to pass")
