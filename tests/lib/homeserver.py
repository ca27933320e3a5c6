"""A Matrix homeserver for conversations: everybody on it but the gateway is a puppet of the test, and it does what a real one will not on demand.

    hs = Homeserver()
    hs.add_user("sally", password="pw-sally")
    room = hs.add_room("#ops:hs.test", ["sally", "alice"])
    asked = hs.say("alice", room, "!ping")
    answer = hs.expect("pong")
    hs.limit(3, 2000, "/send/")                 the next three sends are 429
    hs.close()

People are named "alice" or "@alice:hs.test", rooms by id or alias, events by id. What the puppets do is never refused, and may come from any server.
Paths of traps are regular expressions, looked for anywhere in the decoded path; traps that are put first are sprung first. A sync that waits when
a trap for it is put ends with nothing told, so that it is the next one that falls in."""
import contextlib
import itertools
import re
import time
import types

from .homeserver_api import VERSIONS, Api
from .homeserver_http import Answer, Face
from .homeserver_state import Refusal, Session, State, relation
from .homeserver_traps import Traps, decorated

QUOTED = "> <{}> {}\n\n{}"


class Homeserver:
    def __init__(self, name="hs.test", gateway="sally", tls=None, start=True):
        self.name, self.gateway, self.tls = name, gateway, tls
        self.state = State(name)
        self.news = self.state.news             # its lock is that of everything here; told of every change
        self.api = Api(self, self.state)
        self.traps = Traps(self)
        self.face = Face(self.answer, tls)
        self.bugs = self.face.bugs              # of this server itself; a test may assert that there are none
        self.requests = []                      # every one that came, as it came
        self.versions = list(VERSIONS)
        self.well_known = None                  # an address, a whole dict, or None: 404
        self.taken = 0                          # events of the gateway up to here were expected
        if start:
            self.start()

    # The server itself.

    @property
    def port(self):
        return self.face.port

    @property
    def url(self):
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def start(self):
        first = not self.port
        self.face.start()
        if first:
            self.well_known = self.url
        return self

    def stop(self):
        """The listener and all connections are closed, requests that wait get no answer; what is known stays."""
        self.face.stop()
        with self.news:
            self.news.notify_all()

    close = stop

    def restart(self):
        self.stop()
        self.start()

    def answer(self, request):
        with contextlib.suppress(Refusal), self.news:
            session = self.state.session_of(request.token, request.query.get("user_id"), request.query.get("device_id")) if request.token else None
            request.user, request.device = (session.user, session.device) if session else (None, None)
        with self.news:
            self.requests.append(request)
            self.news.notify_all()
        return self.traps.answer(request, lambda: self.handled(request))

    def handled(self, request):
        try:
            value = self.api.answer(request)
        except Refusal as refusal:
            return Answer.of(decorated(refusal.body) if self.traps.unknown else refusal.body, refusal.status)
        return Answer.of(decorated(value) if self.traps.unknown and isinstance(value, dict) else value)

    # Accounts.

    def add_user(self, name, password=None, device=None):
        """Its id. With a device there is also a token of it: see token()."""
        with self.news:
            user = self.state.user(name)
            user.password = password or user.password
            if device:
                self.state.login(user, device)
            return user.id

    def token(self, name, device="TEST", refresh=False):
        """The access token of a device, a new one if it has none."""
        with self.news:
            user = self.state.user(name)
            session = next((s for s in self.state.sessions if (s.user, s.device) == (user.id, device) and not s.expired()), None)
            return (session or self.state.login(user, device, refresh)).access

    def login_token(self, name):
        with self.news:
            token = f"login-{len(self.state.login_tokens)}-{self.state.pos}"
            self.state.login_tokens[token] = self.state.user(name).id
            return token

    def add_appservice(self, token, users=".*"):
        """`users` is a regular expression of the user ids that it may be."""
        self.state.appservices[token] = re.compile(users)

    def rename(self, name, displayname):
        with self.news:
            user = self.state.user(name)
            user.displayname = displayname
            for room in user.rooms.values():
                if room.membership(user.id) == "join":
                    self.state.member(room, user.id, "join")

    def lifetime(self, ms):
        """Access tokens that can be refreshed live so long from now on; None: for ever."""
        self.state.lifetime = ms

    def soft_logout(self, name, refresh=True):
        """401 with soft_logout; `refresh`: whether the tokens for refreshing are still good. A sync that waits ends empty."""
        with self.news:
            self.state.end_sessions(self.state.full(name), soft=True, refresh=refresh)

    def hard_logout(self, name):
        """401 without soft_logout, and the devices are gone, as when an administrator or the person ended them."""
        with self.news:
            self.state.end_sessions(self.state.full(name))
            self.state.user(name).devices.clear()

    def deactivate(self, name):
        with self.news:
            self.state.user(name).deactivated = True
        self.hard_logout(name)

    # Rooms.

    def add_room(self, alias=None, members=("sally", "alice"), encrypted=False, creator=None, public=True, name=None, version="11", id=None, direct=False):
        """Its id. The last of the members has made it and is its admin, unless `creator` says who."""
        with self.news:
            members = [self.state.user(member).id for member in members]
            creator = self.state.user(creator).id if creator else members[-1]
            room = self.state.new_room(creator, version, id)
            self.state.add(room, creator, "m.room.join_rules", {"join_rule": "public" if public else "invite"}, "")
            if name:
                self.state.add(room, creator, "m.room.name", {"name": name}, "")
            if alias:
                self.state.aliases[alias] = room.id
                self.state.add(room, creator, "m.room.canonical_alias", {"alias": alias}, "")
            for member in members:
                if room.membership(member) != "join":
                    self.state.member(room, member, "join", **({"is_direct": True} if direct else {}))
            if encrypted:
                self.encrypt(room.id)
            return room.id

    def add_rooms(self, name, count, *others):
        """So many rooms #room1, #room2 ... with the person and one more in each."""
        with self.news:
            return [self.add_room(f"#room{n}:{self.name}", [name, *others, "alice"], name=f"Room {n}") for n in range(1, count + 1)]

    def creator(self, room):
        return self.state.room(room).state["m.room.create", ""].sender

    def emit(self, name, room, type, content, key=None, ts=None):
        """Any event, of state with a key; its id."""
        with self.news:
            return self.state.add(self.state.room(room), self.state.user(name).id, type, content, key, ts=ts).id

    def set_member(self, name, room, membership, by=None, **more):
        with self.news:
            room = self.state.room(room)
            return self.state.member(room, self.state.user(name).id, membership, by and self.state.user(by).id, **more).id

    def join(self, name, room):
        return self.set_member(name, room, "join")

    def leave(self, name, room):
        return self.set_member(name, room, "leave")

    def invite(self, name, room, by=None, **more):
        return self.set_member(name, room, "invite", by or self.creator(room), **more)

    def kick(self, name, room, by=None, **more):
        return self.set_member(name, room, "leave", by or self.creator(room), **more)

    def ban(self, name, room, by=None, **more):
        return self.set_member(name, room, "ban", by or self.creator(room), **more)

    def encrypt(self, room):
        return self.emit(self.creator(room), room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, "")

    def levels(self, room, **changes):
        """Power levels: levels(room, events_default=50), or of people: levels(room, users={"sally": 50})."""
        with self.news:
            old = self.state.room(room).content("m.room.power_levels")
            users = {**old["users"], **{self.state.full(name): level for name, level in changes.pop("users", {}).items()}}
            return self.emit(self.creator(room), room, "m.room.power_levels", {**old, **changes, "users": users}, "")

    def tombstone(self, room, members=None, public=False):
        """The room goes on elsewhere: the id of the new one, where its old admin is and `members`. Nobody is invited."""
        with self.news:
            creator = self.creator(room)
            new = self.add_room(members=[*(members or ()), creator], public=public)
            create = self.state.rooms[new].state["m.room.create", ""]
            create.body["content"]["predecessor"] = {"room_id": self.state.room(room).id}
            self.emit(creator, room, "m.room.tombstone", {"body": "This room has been replaced", "replacement_room": new}, "")
            for alias in [alias for alias, id in self.state.aliases.items() if id == self.state.room(room).id]:
                self.state.aliases[alias] = new
            return new

    # What people say; each gives the id of its event. More members of the content are named, or given by **{"m.mentions": {}}.

    def say(self, name, room, text, **content):
        return self.emit(name, room, "m.room.message", {"msgtype": "m.text", "body": text, **content})

    def notice(self, name, room, text, **content):
        return self.say(name, room, text, msgtype="m.notice", **content)

    def file(self, name, room, filename, data, type="text/plain", **content):
        with self.news:
            id = f"p{len(self.state.media) + 1:04d}"
            self.state.media[id] = (type, filename, data)
        return self.say(name, room, filename, msgtype="m.image" if type.startswith("image/") else "m.file", url=f"mxc://{self.name}/{id}",
                        info={"mimetype": type, "size": len(data)}, **content)

    def edit(self, name, event, text, **content):
        new = {"msgtype": "m.text", "body": text, **content}
        return self.say(name, self.room_of(event), "* " + text, **{**content, "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": event}})

    def reply(self, name, event, text, quoted=False, **content):
        """`quoted`: with the text that old clients put before."""
        if quoted:
            to = self.state.events[event]
            text = QUOTED.format(to.sender, "\n> ".join(to.content.get("body", "").split("\n")), text)
        return self.say(name, self.room_of(event), text, **{"m.relates_to": {"m.in_reply_to": {"event_id": event}}, **content})

    def thread(self, name, root, text, **content):
        relates = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True, "m.in_reply_to": {"event_id": root}}
        return self.say(name, self.room_of(root), text, **{"m.relates_to": relates, **content})

    def react(self, name, event, key):
        return self.emit(name, self.room_of(event), "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}})

    def redact(self, name, event, reason=None):
        return self.emit(name, self.room_of(event), "m.room.redaction", {"redacts": event, **({"reason": reason} if reason else {})})

    def room_of(self, event):
        return self.state.events[event].room

    @contextlib.contextmanager
    def at_once(self):
        """What is said inside comes in one sync."""
        with self.news:
            self.traps.holding += 1
        try:
            yield
        finally:
            with self.news:
                self.traps.holding -= 1
                self.news.notify_all()

    # What the gateway did.

    def wait(self, check, seconds=20, what="something"):
        """The first true answer of check(), which is asked after every change."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                found = check()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {seconds} s for {what}")
                self.news.wait(min(left, 0.5))

    def sent(self, user=None, room=None, type=None, after=0):
        """The events that somebody, else the gateway, has sent by requests, in order."""
        user = self.state.full(user or self.gateway)
        with self.news:
            room = self.state.room(room).id if room else None
            late = itertools.takewhile(lambda e: e.pos > after, reversed(self.state.events.values()))
            return [dict(e.body, pos=e.pos) for e in late
                    if e.sender == user and e.origin and room in (None, e.room) and type in (None, e.type)][::-1]

    def heard(self, what, seconds=0.5, room=None):
        """The next event of the gateway that has a text in its (new) body or for which what(event) is true, or None; after those that were expected."""
        def look():
            return next((e for e in self.sent(room=room, after=self.taken) if (what(e) if callable(what) else what in body_of(e["content"]))), None)
        try:
            event = self.wait(look, seconds)
        except AssertionError:
            return None
        self.taken = event["pos"]
        return event

    def expect(self, what, seconds=20, room=None):
        event = self.heard(what, seconds, room)
        if event is None:
            came = [f"{e['type']} {body_of(e['content']) or e['content']}" for e in self.sent(room=room, after=self.taken)]
            raise AssertionError(f"waited {seconds} s for {what!r}; what came: {came}; last asked: {self.requests[-5:]}")
        return event

    def asked(self, path, method=None):
        """The requests whose path has a match of this."""
        with self.news:
            return [r for r in self.requests if re.search(path, r.path) and method in (None, r.method)]

    def expect_request(self, path, times=1, seconds=20):
        return self.wait(lambda: len(self.asked(path)) >= times and self.asked(path), seconds, f"{times} requests of {path}")

    def ready(self, user=None, seconds=20, after=0):
        """Until somebody, else the gateway, had a first answer of sync, of those asked for behind so many requests, and waits for more."""
        user = self.state.full(user or self.gateway)

        def listens():
            syncs = [r for r in self.requests[after:] if r.user == user and r.path.endswith("/sync")]
            return any("since" in r.query for r in itertools.dropwhile(lambda r: "since" in r.query, syncs))
        return self.wait(listens, seconds, f"{user} to listen")

    def shows(self, room):
        """What a client would show now, in order: messages of the main timeline as namespaces (see `shown`)."""
        with self.news:
            room = self.state.room(room)
            return [self.shown_of(room, e) for e in room.events if is_message(e) and relation(e.content)[0] not in ("m.thread", "m.replace")]

    def shown(self, event):
        """id, sender, body, html, msgtype, content, edits (how many), thread (a list of the same), reply_to, reactions ({key: [users]})."""
        with self.news:
            event = self.state.events[event]
            return self.shown_of(self.state.rooms[event.room], event)

    def shown_of(self, room, event):
        others = [e for e in room.related.get(event.id, ()) if not e.redaction]
        edits = [e for e in others if e.relation[0] == "m.replace" and (e.sender, e.type) == (event.sender, event.type)]
        content = edits[-1].content.get("m.new_content", {}) if edits else event.content
        reactions = {}
        for e in others:
            if e.type == "m.reaction":
                reactions.setdefault(e.relation[2], []).append(e.sender)
        relates = event.content.get("m.relates_to", {})
        return types.SimpleNamespace(
            id=event.id, sender=event.sender, body=content.get("body"), html=content.get("formatted_body"), msgtype=content.get("msgtype"), content=content,
            edits=len(edits), reactions=reactions, reply_to=relates.get("m.in_reply_to", {}).get("event_id"),
            thread=[self.shown_of(room, e) for e in others if is_message(e) and e.relation[0] == "m.thread"])

    def typing(self, room):
        """Who is typing now."""
        with self.news:
            return [user for user, until in self.state.room(room).typing.items() if until > time.monotonic()]

    def read_marker(self, user, room):
        with self.news:
            data = self.state.user(user).account_data.get((self.state.room(room).id, "m.fully_read"))
            return data and data[1]["event_id"]

    def receipt(self, user, room, kind="m.read"):
        with self.news:
            receipt = self.state.room(room).receipts.get((self.state.full(user), kind))
            return receipt and receipt[1]

    # Traps. Each of the first five gives a Trap: `hits`, off().

    def limit(self, times, retry_after_ms, paths=None, header=True, field=True):
        """429; without Retry-After or without retry_after_ms where `header` or `field` say so. times None: until off()."""
        return self.traps.limit(times, retry_after_ms, paths, header, field)

    def fail(self, times, status, paths=None, body=None, **headers):
        """Nothing takes effect. `body`: bytes, or what becomes JSON. Headers by name, as Location="..."."""
        return self.traps.fail(times, status, paths, body, headers)

    def cut(self, times, paths=None, after_bytes=0, effect=True):
        """Closes the connection after so many bytes of the answer, its head counted too; `effect`: whether the request was done before."""
        return self.traps.cut(times, paths, after_bytes, effect)

    def hang(self, paths, times=None, effect=False):
        """No answer until off(); `effect`: whether the request is done at once, or then."""
        return self.traps.hang(times, paths, effect)

    def huge(self, megabytes, room="!huge:hs.test", way="events", length=False):
        """The next sync answer is that big, of many events, one "string", "nested" brackets, or a "gzip" of the string; with a Content-Length or in chunks."""
        return self.traps.huge(megabytes, room, way, length)

    def calm(self):
        """All traps of requests are off."""
        for trap in self.traps.set:
            trap.off()
        self.traps.set, self.traps.bucket = [], None

    def throttle(self, per_second, burst):
        """What is sent is limited as Synapse does it (its default is 0.2, 10); calm() ends it."""
        self.traps.bucket = [per_second, burst, burst, time.monotonic()]

    def gap(self, room, count, user=None):
        """Somebody's, else the gateway's, next news of the room are limited and leave out `count` events. To be said after this, and at least one more."""
        with self.news:
            self.state.gaps.setdefault(self.state.full(user or self.gateway), {})[self.state.room(room).id] = count

    def repeat(self):
        """The next sync tells again what the last one told that had something to tell."""
        self.traps.repeat()

    def reorder(self):
        """The next sync with two events of a room has them in reverse order."""
        self.traps.reordering = True

    def crowd(self, room, count, lazy=True):
        """So many more members, in the state of the room's first sync; `lazy`: left out for who loads members lazily, as it should be."""
        with self.news:
            self.state.room(room).crowd, self.state.room(room).crowd_lazy = count, lazy

    def unknown_fields(self, on=True):
        """New members, types of events and versions everywhere."""
        self.traps.unknown = on
        self.versions = [*VERSIONS, "v1.99", "v2.0", "org.example.version"] if on else list(VERSIONS)

    def forget(self, since=None):
        """400 for one token of sync, or for all that were given out until now; for a sync that waits, too."""
        self.traps.forget(since)

    def drop_txns(self):
        with self.news:
            self.state.transactions.clear()


def is_message(event):
    return event.type == "m.room.message" and not event.redaction


def body_of(content):
    new = content.get("m.new_content")
    body = (new if isinstance(new, dict) else content).get("body", "")
    return body if isinstance(body, str) else ""
