"""What a real homeserver will not do on demand, each switched on and off at any moment."""
import json
import math
import re
import time
import zlib

from . import homeserver_sync
from .homeserver_http import Answer, Gone
from .homeserver_state import Refusal, id_of

MEGABYTE = 1 << 20
BLOCK = 65536
FOREVER = 1 << 60
SYNC = "/_matrix/client/v3/sync"
HUGE_EVENT = (b'{"type":"m.room.message","sender":"@crowd000001:crowd.test","origin_server_ts":1700000000000,"event_id":"$huge%%08d",'
              b'"content":{"msgtype":"m.text","body":"!ping %s"}},' % (b"y" * 860))
NEW = {"org.example.new": {"list": [1, {"deep": None}], "yes": True, "large": 2 ** 53 - 1, "text": "\u00e9\U0001f6a2"}}


class Trap:
    """Waits for `times` requests whose path matches `paths`: a regular expression, several of them, or None for all."""

    def __init__(self, traps, times, paths, act):
        self.traps, self.times, self.act = traps, times, act
        paths = [paths] if isinstance(paths, str) else paths
        self.paths = None if paths is None else [re.compile(path) for path in paths]
        self.hits = 0                           # requests that fell into it

    def wants(self, request):
        return self.hits < self.times and (self.paths is None or any(path.search(request.path) for path in self.paths))

    def off(self):
        self.times = 0
        with self.traps.state.news:
            self.traps.state.news.notify_all()


def decorated(value):
    """A copy with members that no client knows, in every object but maps of ids."""
    if isinstance(value, list):
        return [decorated(part) for part in value]
    if not isinstance(value, dict):
        return value
    copy = {name: decorated(part) for name, part in value.items()}
    return copy if any(name[:1] in "!@$#" for name in value) else {**copy, **NEW}


def unknown_events(n):
    common = {"sender": "@new:example.test", "origin_server_ts": 1700000000000}
    for type, content, more in (("org.example.poll", {"question": 7}, {}), ("m.room.message", {"msgtype": "org.example.hologram", "body": "a hologram"}, {}),
                                ("m.room.message", {"body": ["no", "text"]}, {}), ("m.room.message", {}, {}), ("org.example.state", {}, {"state_key": "x"})):
        n += 1
        yield {"type": type, "event_id": id_of("$new", n), "content": content, **common, **more}


class Traps:
    def __init__(self, hs):
        self.hs, self.state = hs, hs.state
        self.set = []
        self.bucket = None                      # [tokens a second, the most at once, now, when]
        self.holding = 0
        self.round = 0                          # grows when syncs that wait are to end
        self.repeating = self.reordering = self.unknown = False
        self.told = {}                          # (user, device): the rooms of the last answer that told something
        self.forgotten, self.forgotten_up_to = set(), -1
        self.unknown_said = 0

    def put(self, times, paths, act):
        trap = Trap(self, FOREVER if times is None else times, paths, act)
        self.set.append(trap)
        if trap.paths is None or any(path.search(SYNC) for path in trap.paths):
            self.end_polls()
        return trap

    def answer(self, request, go):
        """Through the first trap that wants the request, or straight to go()."""
        with self.state.news:
            trap = next((trap for trap in self.set if trap.wants(request)), None)
            if trap:
                trap.hits += 1
        if not trap:
            return self.throttled(request) or go()
        return trap.act(trap, request, go)

    # For any request.

    def limit(self, times, retry_after_ms, paths, header, field):
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", **({"retry_after_ms": retry_after_ms} if field else {})}
        headers = {"Retry-After": math.ceil(retry_after_ms / 1000)} if header else {}
        return self.put(times, paths, lambda trap, request, go: Answer.of(body, 429, headers))

    def throttled(self, request):
        """A bucket of tokens for what is sent, as Synapse's rc_message."""
        if not self.bucket or not re.search("/(send|redact|state)/", request.path) or request.method != "PUT":
            return None
        with self.state.news:
            rate, most, have, when = self.bucket
            have = min(most, have + (time.monotonic() - when) * rate)
            self.bucket[2:] = [have - 1 if have >= 1 else have, time.monotonic()]
        wait = math.ceil((1 - have) / rate * 1000)
        return None if have >= 1 else Answer.of({"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": wait}, 429,
                                                {"Retry-After": math.ceil(wait / 1000)})

    def fail(self, times, status, paths, body, headers):
        if body is None:
            body = {"errcode": "M_UNKNOWN", "error": "Something went wrong"}
        return self.put(times, paths, lambda trap, request, go: Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers=headers))

    def cut(self, times, paths, after_bytes, effect):
        def act(trap, request, go):
            if not effect and not after_bytes:
                raise Gone("cut")
            answer = go() if effect else Answer.of({"something": "that never comes whole" * 100})
            answer.cut = after_bytes
            if not after_bytes:
                raise Gone("cut")
            return answer
        return self.put(times, paths, act)

    def hang(self, times, paths, effect):
        def act(trap, request, go):
            answer = go() if effect else None
            round = self.hs.face.round
            with self.state.news:
                while trap.times and self.hs.face.round == round:
                    self.state.news.wait(1)
            if self.hs.face.round != round:
                raise Gone("stopped")
            return answer or go()
        return self.put(times, paths, act)

    # For /sync.

    def forget(self, since):
        with self.state.news:
            if since is None:
                self.forgotten_up_to = self.state.pos
                self.state.tick()
            else:
                self.forgotten.add(since)
            self.end_polls()

    def repeat(self):
        with self.state.news:
            self.repeating = True
            self.end_polls()

    def since_of(self, request):
        token = request.query.get("since")
        if token is None:
            return None
        pos = homeserver_sync.position(token)
        if token in self.forgotten or pos <= self.forgotten_up_to:
            raise Refusal(400, "M_UNKNOWN", "Unknown position; start again")
        return pos

    def sync(self, request, session):
        user, query, began = self.state.users[session.user], request.query, (self.hs.face.round, self.round)
        filter = self.hs.api.filter_of_sync(user, query.get("filter"))
        since, who = self.since_of(request), (session.user, session.device)
        if self.repeating and who in self.told and since is not None:
            self.repeating = False
            return self.changed({"next_batch": query["since"], "rooms": self.told[who]})
        answer, empty = homeserver_sync.wait_for_news(
            self.state, session, since, filter, query.get("full_state") == "true", homeserver_sync.number(query.get("timeout"), 0),
            lambda: self.holding > 0, lambda: (self.hs.face.round, self.round) != began or not self.good(request))
        self.since_of(request)                  # it may have been forgotten meanwhile
        if not empty and "rooms" in answer:
            self.told[who] = answer["rooms"]
        return self.changed(answer)

    def end_polls(self):
        """Syncs that wait end with nothing told, so that what was just changed holds for the next."""
        with self.state.news:
            self.round += 1
            self.state.news.notify_all()

    def good(self, request):
        try:
            return self.state.session_of(request.token, request.query.get("user_id")) is not None
        except Refusal:
            return False

    def changed(self, answer):
        joined = answer.get("rooms", {}).get("join", {})
        if self.reordering and any(len(room["timeline"]["events"]) > 1 for room in joined.values()):
            self.reordering = False
            for room in joined.values():
                room["timeline"]["events"].reverse()
        if self.unknown:
            for room in joined.values():
                room["timeline"]["events"] = [*unknown_events(self.unknown_said), *room["timeline"]["events"]]
                self.unknown_said += 10
            answer = {**decorated(answer), "org.example.section": {"events": [{"type": "org.example.x"}]}, "presence": {"events": [{"type": 1}]}}
        return answer

    def huge(self, megabytes, room, way, length):
        def act(trap, request, go):
            size = megabytes * MEGABYTE
            if way == "gzip":
                return Answer(200, gzipped(huge_pieces(size, "string", room)), headers={"Content-Encoding": "gzip"})
            total = sum(map(len, huge_pieces(size, way, room))) if length else None
            return Answer(200, huge_pieces(size, way, room), length=total)
        return self.put(1, "/sync$", act)


def huge_pieces(size, way, room):
    """An answer to /sync of about that size: many events, one endless string, or brackets inside brackets."""
    yield b'{"next_batch":"s1","rooms":{"join":{"%s":{"timeline":{"limited":false,"prev_batch":"t1","events":[' % room.encode()
    if way == "events":
        for n in range(0, size // len(HUGE_EVENT), 64):
            yield b"".join(HUGE_EVENT % m for m in range(n, n + 64))
        yield b"{}"
    elif way == "nested":
        for bracket in (b"[", b"]"):
            for _ in range(size // BLOCK // 2):
                yield bracket * BLOCK
    else:
        yield b'{"type":"m.room.message","sender":"@crowd000001:crowd.test","event_id":"$huge","content":{"msgtype":"m.text","body":"'
        for _ in range(size // BLOCK):
            yield b"x" * BLOCK
        yield b'"}}'
    yield b"]}}}}}"


def gzipped(pieces):
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()
