"""Answers of /sync and /messages: filters, limits, lazy members, gaps, and waiting for news."""
import json
import re
import time

from .homeserver_state import Refusal

TIMELINE_DEFAULT = 10
TIMELINE_MOST = 1000
TOKEN = re.compile(r"[st](\d{1,15})\Z")
STRIPPED = ("m.room.create", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.join_rules", "m.room.canonical_alias", "m.room.encryption")


def position(token):
    match = TOKEN.match(token)
    if not match:
        raise Refusal(400, "M_UNKNOWN", "Invalid stream token")
    return int(match[1])


def number(text, default):
    try:
        return int(text)
    except (TypeError, ValueError):
        return default


def matches(patterns, type):
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), type) for pattern in patterns)


class Filter:
    """One part of a filter: which events pass."""

    def __init__(self, part):
        self.part = part if isinstance(part, dict) else {}
        self.limit = max(1, min(number(self.part.get("limit"), TIMELINE_DEFAULT), TIMELINE_MOST))
        self.lazy = self.part.get("lazy_load_members", False)
        self.redundant = self.part.get("include_redundant_members", False)

    def takes_type(self, type):
        part = self.part
        return not matches(part.get("not_types", ()), type) and ("types" not in part or matches(part["types"], type))

    def takes_room(self, room):
        return room not in self.part.get("not_rooms", ()) and room in self.part.get("rooms", (room,))

    def takes(self, event):
        part = self.part
        if event.sender in part.get("not_senders", ()) or event.sender not in part.get("senders", (event.sender,)):
            return False
        if "contains_url" in part and part["contains_url"] != ("url" in event.content):
            return False
        return self.takes_room(event.room) and self.takes_type(event.type)


class Sync:
    """One answer in the making, for one device."""

    def __init__(self, state, session, since, filter, full_state=False):
        self.state, self.session, self.since, self.full_state = state, session, since, full_state
        self.user = state.users[session.user]
        room = filter.get("room", {})
        self.rooms = Filter(room)
        self.include_leave = room.get("include_leave", False)
        self.timeline, self.of_state = Filter(room.get("timeline")), Filter(room.get("state"))
        self.ephemeral, self.room_account_data = Filter(room.get("ephemeral")), Filter(room.get("account_data"))
        self.account_data = Filter(filter.get("account_data"))
        self.known = state.known_members.setdefault((session.user, session.device), set())
        self.gaps = state.gaps.get(session.user, {})
        self.empty = True
        if since is None:
            self.known.clear()

    def pending_gap(self):
        """A gap was asked for and its events are not all said yet: nothing is told before."""
        if self.since is None:
            return False
        for room, count in self.gaps.items():
            if 0 < len(self.new_in(self.state.rooms[room], self.since)) <= count:
                return True
        return False

    def answer(self):
        join, invite, leave = {}, {}, {}
        for room in list(self.user.rooms.values()):
            if not self.rooms.takes_room(room.id) or not self.timeline.takes_room(room.id):
                continue
            membership, changed = room.membership(self.user.id), self.since is None or room.member(self.user.id).pos > self.since
            if membership == "join":
                entry = self.joined(room)
                if entry:
                    join[room.id] = entry
            elif membership == "invite" and changed:
                invite[room.id] = self.invited(room)
            elif membership in ("leave", "ban") and changed and (self.since is not None or self.include_leave):
                leave[room.id] = self.left(room)
        rooms = {name: part for name, part in (("join", join), ("invite", invite), ("leave", leave)) if part}
        data = self.changed_account_data(None, self.account_data)
        self.empty = not rooms and not data
        answer = {"next_batch": f"s{self.state.pos}", "device_one_time_keys_count": {"signed_curve25519": 0}, "device_unused_fallback_key_types": []}
        if rooms:
            answer["rooms"] = rooms
        if data:
            answer["account_data"] = {"events": data}
        return answer

    def new_in(self, room, pos, to=None):
        return [event for event in room.after(pos, to) if self.timeline.takes(event)]

    def joined(self, room):
        fresh = self.since is None or room.joined_since(self.user.id, self.since)
        new = self.new_in(room, 0 if fresh else self.since)
        gap = 0 if fresh else self.gaps.pop(room.id, 0)
        shown = new[gap:][-self.timeline.limit:]
        limited = len(shown) < len(new) or (fresh and self.since is not None)
        before = shown[0].pos - 1 if shown else self.state.pos
        state = self.state_before(room, shown, before, fresh or self.full_state, limited)
        ephemeral = self.changed_ephemeral(room)
        data = self.changed_account_data(room.id, self.room_account_data)
        if not fresh and not (shown or state or ephemeral or data or limited):
            return None
        return {"timeline": {"events": self.show(shown), "limited": limited, "prev_batch": f"t{before}"}, "state": {"events": self.show(state)},
                "ephemeral": {"events": ephemeral}, "account_data": {"events": data}, "summary": self.summary(room) if fresh or state or shown else {},
                "unread_notifications": {"highlight_count": 0, "notification_count": 0}}

    def state_before(self, room, shown, before, whole, limited):
        at = room.state_at(before)
        events = [event for event in at.values() if whole or event.pos > self.since]
        if whole and room.crowd and not (self.of_state.lazy and room.crowd_lazy):
            events += room.the_crowd()
        if self.of_state.lazy:
            events = self.lazily(room, at, shown, events, whole, limited)
        return [event for event in events if self.of_state.takes(event)]

    def lazily(self, room, at, shown, events, whole, limited):
        wanted = {event.sender for event in shown}
        if whole:
            wanted.add(self.user.id)
        if not self.of_state.redundant:
            wanted = {user for user in wanted if (room.id, user) not in self.known}
        self.known.update((room.id, user) for user in wanted)
        in_gap = {event.key for event in events if event.type == "m.room.member" and limited and not whole}
        kept = [event for event in events if event.type != "m.room.member" or event.key in wanted | in_gap
                or (event.key.endswith(":crowd.test") and not room.crowd_lazy)]
        have = {event.key for event in kept if event.type == "m.room.member"}
        return kept + [at["m.room.member", user] for user in wanted - have if ("m.room.member", user) in at]

    def invited(self, room):
        me = room.member(self.user.id)
        told = [room.state[type, ""] for type in STRIPPED if (type, "") in room.state] + [room.member(me.sender), me]
        return {"invite_state": {"events": [{k: event.body[k] for k in ("type", "state_key", "sender", "content")} for event in told if event]}}

    def left(self, room):
        """Events up to our going, and none after it."""
        me = room.member(self.user.id)
        was_in = room.membership(self.user.id, self.since or 0) == "join" or (me.before and me.before.content.get("membership") == "join")
        new = self.new_in(room, self.since or 0, me.pos) if was_in else [me]
        shown = new[-self.timeline.limit:]
        before = shown[0].pos - 1 if shown else me.pos
        return {"timeline": {"events": self.show(shown), "limited": len(shown) < len(new), "prev_batch": f"t{before}"},
                "state": {"events": []}, "account_data": {"events": []}}

    def show(self, events):
        return [self.state.seen_by(event, self.session, with_room=False) for event in events]

    def summary(self, room):
        joined, invited = room.members("join"), room.members("invite")
        heroes = [event.key for event in joined + invited if event.key != self.user.id][:5]
        return {"m.joined_member_count": len(joined) + room.crowd, "m.invited_member_count": len(invited), "m.heroes": heroes}

    def changed_ephemeral(self, room):
        since, events = self.since or 0, []
        if room.typing_pos > since and self.ephemeral.takes_type("m.typing"):
            events.append({"type": "m.typing", "content": {"user_ids": [u for u, until in room.typing.items() if until > time.monotonic()]}})
        receipts = {}
        for (user, kind), (pos, event, ts) in room.receipts.items():
            if pos > since and (kind == "m.read" or user == self.user.id):
                receipts.setdefault(event, {}).setdefault(kind, {})[user] = {"ts": ts}
        if receipts and self.ephemeral.takes_type("m.receipt"):
            events.append({"type": "m.receipt", "content": receipts})
        return events

    def changed_account_data(self, room, filter):
        return [{"type": type, "content": content} for (where, type), (pos, content) in self.user.account_data.items()
                if where == room and pos > (self.since or 0) and filter.takes_type(type)]


def wait_for_news(state, session, since, filter, full_state, timeout, held, over):
    """The next answer, at the latest after `timeout` ms. While held() nothing is told; over() ends the waiting with nothing told."""
    end, nothing = time.monotonic() + timeout / 1000, {"next_batch": f"s{since}"}
    while True:
        if since is not None and over():
            return nothing, True
        sync = Sync(state, session, since, filter, full_state)
        told = since is None or (not held() and not sync.pending_gap())
        if told:
            answer = sync.answer()
            if since is None or full_state or not sync.empty:
                return answer, sync.empty
        left = end - time.monotonic()
        if left <= 0:
            return (answer if told else nothing), True
        state.news.wait(left)


def messages(state, session, room, query):
    """A page of a room's past, in either direction."""
    event = room.member(session.user)
    if not event or not any(room.membership(session.user, e.pos) == "join" for e in room.changes if e.key == session.user):
        raise Refusal(403, "M_FORBIDDEN", f"User {session.user} not in room {room.id}")
    last = state.pos if event.content["membership"] == "join" else event.pos
    back = query.get("dir") != "f"
    begin = position(query["from"]) if "from" in query else (last if back else 0)
    end = position(query["to"]) if "to" in query else (0 if back else last)
    try:
        filter = Filter(json.loads(query.get("filter", "{}")))
    except ValueError:
        raise Refusal(400, "M_BAD_JSON", "The filter is no JSON") from None
    limit = max(1, min(number(query.get("limit"), TIMELINE_DEFAULT), TIMELINE_MOST))
    low, high = (end, min(begin, last)) if back else (begin, min(end, last))
    events = [e for e in room.after(low, high) if filter.takes(e)]
    page = events[::-1][:limit] if back else events[:limit]
    answer = {"start": query.get("from", f"t{begin}"), "chunk": [state.seen_by(e, session) for e in page]}
    if len(page) < len(events):
        answer["end"] = f"t{page[-1].pos - 1 if back else page[-1].pos}"
    if filter.lazy:
        senders = {e.sender for e in page}
        answer["state"] = [state.seen_by(e, session) for e in room.members("join", "invite", "leave", "ban") if e.key in senders]
    return answer
