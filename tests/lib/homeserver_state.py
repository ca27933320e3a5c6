"""What the tests' own homeserver knows: people, their devices and tokens, rooms and their events, in one stream of numbered changes."""
import base64
import hashlib
import itertools
import json
import secrets
import threading
import time

EVENT_MOST = 65536
PDU_EXTRA = 1100                                # what signatures, hashes and references add to an event
INTEGER_MOST = 2 ** 53 - 1
KEPT_OF_REDACTED = {"m.room.member": ("membership",), "m.room.create": None, "m.room.join_rules": ("join_rule",),
                    "m.room.power_levels": ("ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default", "invite")}
LEVELS = {"ban": 50, "kick": 50, "redact": 50, "invite": 0, "events_default": 0, "state_default": 50, "users_default": 0}


class Refusal(Exception):
    """Becomes an answer with a status and an errcode."""

    def __init__(self, status, code, error, **more):
        super().__init__(error)
        self.status, self.body = status, {"errcode": code, "error": error, **more}


def forbidden(error):
    return Refusal(403, "M_FORBIDDEN", error)


def now():
    return int(time.time() * 1000)


def id_of(prefix, number):
    """As opaque as a real one, and a person can still tell which came first."""
    return f"{prefix}{number:06d}{base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode()[:37]}"


def checked(value):
    """JSON as Synapse takes it: no floats, no large integers; half a surrogate pair is an error of its own."""
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > INTEGER_MOST):
        raise Refusal(400, "M_BAD_JSON", "Bad JSON value: float" if isinstance(value, float) else "JSON integer out of range")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refusal(500, "M_UNKNOWN", "Internal server error") from None
    for part in value.items() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        checked(part)
    return value


def relation(content):
    """(what, of which event, a reaction's key), or three Nones."""
    relates = content.get("m.relates_to")
    words = [relates.get(name) for name in ("rel_type", "event_id", "key")] if isinstance(relates, dict) else [None] * 3
    return tuple(word if isinstance(word, str) else None for word in words)


class Event:
    __slots__ = ("pos", "body", "origin", "before", "redaction")

    def __init__(self, pos, body, origin, before):
        self.pos, self.body = pos, body
        self.origin = origin                    # (user, device, transaction id) if a client has sent it
        self.before = before                    # the event of state whose place it took
        self.redaction = None

    id = property(lambda self: self.body["event_id"])
    room = property(lambda self: self.body["room_id"])
    type = property(lambda self: self.body["type"])
    sender = property(lambda self: self.body["sender"])
    content = property(lambda self: self.body["content"])
    key = property(lambda self: self.body.get("state_key"))

    relation = property(lambda self: relation(self.content))

    def redact(self, redaction):
        kept = KEPT_OF_REDACTED.get(self.type, ())
        self.body = dict(self.body, content=self.content if kept is None else {k: v for k, v in self.content.items() if k in kept})
        self.redaction = redaction


class Room:
    def __init__(self, id, version):
        self.id, self.version = id, version
        self.events = []
        self.changes = []                       # those of state, in order
        self.state = {}                         # (type, key): event
        self.related = {}                       # event id: the events that relate to it
        self.crowd, self.crowd_lazy = 0, True   # members who only exist in lists, and whether lazy loading leaves them out
        self.typing, self.typing_pos = {}, 0    # user: until when
        self.receipts = {}                      # (user, kind): (pos, event id, ts)

    def after(self, pos, to=None):
        """Events after one position, and up to another; the newest are looked at first."""
        newer = itertools.takewhile(lambda event: event.pos > pos, reversed(self.events))
        return [event for event in newer if to is None or event.pos <= to][::-1]

    def state_at(self, pos):
        if not self.changes or self.changes[-1].pos <= pos:
            return dict(self.state)
        return {(event.type, event.key): event for event in self.changes if event.pos <= pos}

    def content(self, type, key=""):
        event = self.state.get((type, key))
        return event.content if event else {}

    def member(self, user):
        return self.state.get(("m.room.member", user))

    def membership(self, user, pos=None):
        event = self.member(user)
        while event and pos is not None and event.pos > pos:
            event = event.before
        return event.content.get("membership", "leave") if event else None

    def joined_since(self, user, pos):
        """The user is in and was not, or not all the time since then."""
        event = self.member(user)
        while event and event.pos > pos:
            if not event.before or event.before.content.get("membership") != "join":
                return True
            event = event.before
        return False

    def members(self, *memberships):
        return [event for (type, _), event in self.state.items() if type == "m.room.member" and event.content.get("membership") in memberships]

    def the_crowd(self):
        for n in range(self.crowd):
            user = f"@crowd{n:06d}:crowd.test"
            yield Event(0, {"type": "m.room.member", "room_id": self.id, "sender": user, "state_key": user, "origin_server_ts": 1700000000000 + n,
                            "event_id": id_of("$c", n), "content": {"membership": "join", "displayname": f"Somebody {n}"}}, None, None)

    def level(self, user):
        levels = self.content("m.room.power_levels")
        return levels.get("users", {}).get(user, levels.get("users_default", 0))

    def needs(self, what, type=None):
        levels = self.content("m.room.power_levels")
        return levels.get("events", {}).get(type, levels.get(what, LEVELS[what]))


class Session:
    """An access token of a device. `replaces` is the one that was refreshed into it, which lives until this one is used."""

    def __init__(self, user, device, lifetime=None, refresh=False, replaces=None):
        self.user, self.device, self.replaces = user, device, replaces
        name = user[1:].split(":")[0]
        self.access = f"syt_{name}_{secrets.token_urlsafe(12)}"
        self.refresh = f"syr_{name}_{secrets.token_urlsafe(12)}" if refresh else None
        self.expires = now() + lifetime if lifetime else None

    def expired(self):
        return self.expires is not None and now() >= self.expires


class User:
    def __init__(self, id, password):
        self.id, self.password = id, password
        self.name = id[1:].split(":")[0]
        self.displayname = self.name
        self.deactivated = False
        self.devices = set()
        self.rooms = {}                         # id: room, of every room that the user ever had to do with
        self.filters = []
        self.account_data = {}                  # (room id or None, type): (pos, content)


class State:
    def __init__(self, name):
        self.name = name
        self.news = threading.Condition()       # its lock is that of everything here
        self.pos = 0
        self.users, self.rooms, self.aliases = {}, {}, {}
        self.events = {}                        # id: event
        self.sessions = []
        self.refused = {}                       # access token that was taken away: soft or not
        self.login_tokens = {}                  # of one use: user
        self.appservices = {}                   # token: a compiled pattern of user ids
        self.transactions = {}                  # (user, device, room id, transaction id): event id
        self.media = {}                         # id: (type, name, bytes)
        self.known_members = {}                 # (user, device): the (room, member) pairs that lazy loading has told
        self.gaps = {}                          # user: {room id: how many new events the next sync leaves out}
        self.lifetime = None                    # of access tokens, in ms
        self.encrypt_new_rooms = False          # as Synapse's encryption_enabled_by_default_for_room_type
        self.upload_most = 50 << 20

    def tick(self):
        self.pos += 1
        self.news.notify_all()
        return self.pos

    # People.

    def full(self, name):
        return name if name.startswith("@") else f"@{name}:{self.name}"

    def user(self, name):
        id = self.full(name)
        if id not in self.users:
            self.users[id] = User(id, "pw-" + id[1:].split(":")[0])
        return self.users[id]

    def login(self, user, device=None, refresh=False):
        """A new token; those that the device had before are no longer good."""
        device = device or secrets.token_hex(5).upper()
        self.end_sessions(user.id, device, soft=False)
        user.devices.add(device)
        return self.open_session(Session(user.id, device, self.lifetime if refresh else None, refresh))

    def open_session(self, session):
        self.sessions.append(session)
        return session

    def end_sessions(self, user, device=None, soft=False, refresh=True):
        """With `soft` the tokens for refreshing stay good unless `refresh` says that they do not."""
        for session in [s for s in self.sessions if s.user == user and device in (None, s.device)]:
            if soft and refresh and session.refresh:
                session.expires = 0
            else:
                self.sessions.remove(session)
                self.refused[session.access] = soft
        self.news.notify_all()

    def session_of(self, token, masquerade=None, device=None):
        if token in self.appservices:
            user = masquerade or self.full("appservice")
            if not self.appservices[token].fullmatch(user):
                raise forbidden("Application service cannot masquerade as this user")
            return Session(self.user(user).id, device or "appservice")
        session = next((s for s in self.sessions if s.access == token), None)
        if not session:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=self.refused.get(token, False))
        if session.expired():
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Access token has expired", soft_logout=True)
        self.used(session)
        return session

    def used(self, session):
        if session.replaces in self.sessions:
            self.sessions.remove(session.replaces)
            self.refused[session.replaces.access] = True
        session.replaces = None

    def refresh(self, token):
        session = next((s for s in self.sessions if s.refresh == token and token), None)
        if not session:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid refresh token", soft_logout=False)
        self.used(session)
        return self.open_session(Session(session.user, session.device, self.lifetime, True, session))

    # Rooms and events.

    def room(self, name):
        """By its id or an alias."""
        room = self.rooms.get(self.aliases.get(name, name))
        if not room:
            raise Refusal(404, "M_NOT_FOUND", f"Room {name} not found")
        return room

    def new_room(self, creator, version="11", id=None):
        number = len(self.rooms) + 1
        id = id or (id_of("!", number) if version == "12" else f"!room{number:04d}:{self.name}")
        room = self.rooms[id] = Room(id, version)
        self.add(room, creator, "m.room.create", {"room_version": version, "creator": creator}, "")
        self.member(room, creator, "join")
        self.add(room, creator, "m.room.power_levels", {**LEVELS, "users": {creator: 100}}, "")
        return room

    def member(self, room, user, membership, by=None, **more):
        name = {"displayname": self.user(user).displayname} if membership in ("join", "invite") else {}
        return self.add(room, by or user, "m.room.member", {"membership": membership, **name, **more}, user)

    def add(self, room, sender, type, content, key=None, origin=None, ts=None):
        body = {"type": type, "room_id": room.id, "sender": sender, "origin_server_ts": ts or now(), "event_id": id_of("$", len(self.events) + 1),
                "content": content}
        if key is not None:
            body["state_key"] = key
        event = Event(self.tick(), body, origin, room.state.get((type, key)) if key is not None else None)
        self.events[event.id] = event
        room.events.append(event)
        if key is not None:
            room.state[type, key] = event
            room.changes.append(event)
        if type == "m.room.member" and key is not None:
            self.user(key).rooms[room.id] = room
        if event.relation[1]:
            room.related.setdefault(event.relation[1], []).append(event)
        if type == "m.room.redaction" and content.get("redacts") in self.events:
            self.events[content["redacts"]].redact(event)
        return event

    def send(self, room, session, type, content, txn=None, key=None):
        """What a client sends, with everything that a server looks at first."""
        txn_key = (session.user, session.device, room.id, txn)
        if txn is not None and txn_key in self.transactions:
            return self.events[self.transactions[txn_key]]
        self.may(room, session.user, "events_default" if key is None else "state_default", type)
        old = room.state.get((type, key)) if key is not None else None
        if old and old.content == content:
            return old
        self.check(room, session.user, type, content)
        event = self.add(room, session.user, type, content, key, (session.user, session.device, txn))
        if txn is not None:
            self.transactions[txn_key] = event.id
        return event

    def may(self, room, user, what, type=None):
        if room.membership(user) != "join":
            raise forbidden(f"User {user} not in room {room.id}")
        if room.level(user) < room.needs(what, type):
            raise forbidden(f"You don't have permission to do that: user_level ({room.level(user)}) < required ({room.needs(what, type)})")

    def check(self, room, user, type, content):
        checked(content)
        if len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()) + PDU_EXTRA > EVENT_MOST:
            raise Refusal(413, "M_TOO_LARGE", "event too large")
        kind, of, _ = mine = relation(content)
        same = (e for e in room.related.get(of, ()) if e.type == type and e.sender == user and not e.redaction)
        if kind == "m.annotation" and any(e.relation == mine for e in same):
            raise Refusal(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")

    def redact(self, room, session, id, reason, txn):
        event = self.events.get(id)
        if not event or event.room != room.id:
            raise Refusal(404, "M_NOT_FOUND", "Could not find event")
        if event.sender != session.user:
            self.may(room, session.user, "redact")
        return self.send(room, session, "m.room.redaction", {"redacts": id, **({"reason": reason} if reason else {})}, txn)

    def seen_by(self, event, session, with_room=True):
        """An event as one device is shown it."""
        body = dict(event.body) if with_room else {k: v for k, v in event.body.items() if k != "room_id"}
        unsigned = body["unsigned"] = {"age": max(0, now() - body["origin_server_ts"])}
        if event.origin and event.origin[:2] == (session.user, session.device) and event.origin[2] is not None:
            unsigned["transaction_id"] = event.origin[2]
        if event.type == "m.room.redaction":
            body["redacts"] = event.content.get("redacts")
        if event.before:
            unsigned.update(prev_content=event.before.content, prev_sender=event.before.sender, replaces_state=event.before.id)
        if event.redaction:
            unsigned["redacted_because"] = event.redaction.body
        room = self.rooms.get(event.room)
        if room and event.id in room.related and not event.redaction:
            unsigned["m.relations"] = self.relations(room, event, session)
        return body

    def relations(self, room, event, session):
        found, thread = {}, []
        for other in room.related[event.id]:
            if other.redaction:
                continue
            if other.relation[0] == "m.replace" and (other.sender, other.type) == (event.sender, event.type):
                found["m.replace"] = self.seen_by(other, session)
            if other.relation[0] == "m.thread":
                thread.append(other)
        if thread:
            found["m.thread"] = {"latest_event": self.seen_by(thread[-1], session), "count": len(thread),
                                 "current_user_participated": any(e.sender == session.user for e in [event] + thread)}
        return found

    def put_account_data(self, user, type, content, room=None):
        user.account_data[room, type] = (self.tick(), content)
