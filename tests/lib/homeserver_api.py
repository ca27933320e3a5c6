"""The client-server API of the tests' own homeserver: a table of routes, and what each answers."""
import hashlib
import json
import re
import time

from . import homeserver_sync
from .homeserver_state import Refusal, State, checked, forbidden, now

VERSIONS = [f"v1.{n}" for n in range(1, 13)]
CLIENT = "/_matrix/client/v3"
OPEN = ("well_known", "versions", "login_flows", "login", "refresh", "alias", "displayname", "profile")  # need no token
ROUTES = [
    ("GET", "/.well-known/matrix/client", "well_known"),
    ("GET", "/_matrix/client/versions", "versions"),
    ("GET", CLIENT + "/login", "login_flows"),
    ("POST", CLIENT + "/login", "login"),
    ("POST", CLIENT + "/refresh", "refresh"),
    ("POST", CLIENT + "/logout", "logout"),
    ("POST", CLIENT + "/logout/all", "logout_all"),
    ("GET", CLIENT + "/account/whoami", "whoami"),
    ("GET", CLIENT + "/capabilities", "capabilities"),
    ("GET", CLIENT + "/devices", "devices"),
    ("GET", CLIENT + "/joined_rooms", "joined_rooms"),
    ("GET", CLIENT + "/sync", "sync"),
    ("POST", CLIENT + "/createRoom", "create_room"),
    ("GET", CLIENT + "/directory/room/{alias}", "alias"),
    ("POST", CLIENT + "/join/{room}", "join"),
    ("POST", CLIENT + "/rooms/{room}/join", "join"),
    ("POST", CLIENT + "/rooms/{room}/leave", "leave"),
    ("POST", CLIENT + "/rooms/{room}/forget", "forget_room"),
    ("POST", CLIENT + "/rooms/{room}/invite", "invite"),
    ("POST", CLIENT + "/rooms/{room}/kick", "kick"),
    ("POST", CLIENT + "/rooms/{room}/ban", "ban"),
    ("POST", CLIENT + "/rooms/{room}/unban", "unban"),
    ("GET", CLIENT + "/rooms/{room}/messages", "messages"),
    ("GET", CLIENT + "/rooms/{room}/event/{id}", "event"),
    ("GET", CLIENT + "/rooms/{room}/state", "all_state"),
    ("GET", CLIENT + "/rooms/{room}/state/{type}", "get_state"),
    ("GET", CLIENT + "/rooms/{room}/state/{type}/{key}", "get_state"),
    ("PUT", CLIENT + "/rooms/{room}/state/{type}", "put_state"),
    ("PUT", CLIENT + "/rooms/{room}/state/{type}/{key}", "put_state"),
    ("GET", CLIENT + "/rooms/{room}/members", "members"),
    ("GET", CLIENT + "/rooms/{room}/joined_members", "joined_members"),
    ("PUT", CLIENT + "/rooms/{room}/send/{type}/{txn}", "send"),
    ("PUT", CLIENT + "/rooms/{room}/redact/{id}/{txn}", "redact"),
    ("PUT", CLIENT + "/rooms/{room}/typing/{user}", "typing"),
    ("POST", CLIENT + "/rooms/{room}/read_markers", "read_markers"),
    ("POST", CLIENT + "/rooms/{room}/receipt/{kind}/{id}", "receipt"),
    ("GET", CLIENT + "/user/{user}/account_data/{type}", "get_account_data"),
    ("PUT", CLIENT + "/user/{user}/account_data/{type}", "put_account_data"),
    ("GET", CLIENT + "/user/{user}/rooms/{room}/account_data/{type}", "get_account_data"),
    ("PUT", CLIENT + "/user/{user}/rooms/{room}/account_data/{type}", "put_account_data"),
    ("POST", CLIENT + "/user/{user}/filter", "put_filter"),
    ("GET", CLIENT + "/user/{user}/filter/{id}", "get_filter"),
    ("GET", CLIENT + "/profile/{user}", "profile"),
    ("GET", CLIENT + "/profile/{user}/displayname", "displayname"),
    ("PUT", CLIENT + "/profile/{user}/displayname", "put_displayname"),
    ("GET", CLIENT + "/pushrules/", "push_rules"),
    ("POST", CLIENT + "/keys/upload", "keys_upload"),
    ("POST", CLIENT + "/keys/query", "keys_query"),
    ("POST", CLIENT + "/keys/claim", "keys_claim"),
    ("GET", CLIENT + "/keys/changes", "keys_changes"),
    ("GET", CLIENT + "/room_keys/version", "keys_version"),
    ("POST", "/_matrix/media/v3/upload", "upload"),
    ("GET", "/_matrix/client/v1/media/config", "media_config"),
    ("GET", "/_matrix/client/v1/media/download/{server}/{id}", "download"),
    ("GET", "/_matrix/client/v1/media/download/{server}/{id}/{name}", "download"),
]
ROWS = [(method, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]*)", re.escape(path))), name) for method, path, name in ROUTES]


class File:
    """An answer that is no JSON."""

    def __init__(self, type, body, name=None):
        self.type, self.body, self.name = type, body, name


def route(method, path):
    """The name of what answers, and the parts of the path as they stand there, still encoded."""
    known = False
    for verb, pattern, name in ROWS:
        match = pattern.fullmatch(path)
        if match and verb == method:
            return name, match.groupdict()
        known = known or match is not None
    raise Refusal(405 if known else 404, "M_UNRECOGNIZED", "Unrecognized request")


class Api:
    """Each function is called with the request, under the lock of the state, and gives a dict, a File, or raises Refusal."""

    def __init__(self, homeserver, state: State):
        self.hs, self.state = homeserver, state

    def answer(self, request):
        name, parts = route(request.method, request.raw_path)
        with self.state.news:
            session = None if name in OPEN else self.session(request)
            if name != "upload":
                request.need_json(name in ("sync", "join", "leave", "logout", "logout_all", "forget_room"))
            return getattr(self, name)(request, session, **{k: request.decode(v) for k, v in parts.items()})

    def session(self, request):
        if not request.token:
            raise Refusal(401, "M_MISSING_TOKEN", "Missing access token")
        return self.state.session_of(request.token, request.query.get("user_id"), request.query.get("device_id"))

    # Finding the server, and logging in.

    def well_known(self, request, session):
        said = self.hs.well_known
        if said is None:
            raise Refusal(404, "M_NOT_FOUND", "Nothing here")
        return said if isinstance(said, dict | File) else {"m.homeserver": {"base_url": said}}

    def versions(self, request, session):
        return {"versions": self.hs.versions, "unstable_features": {}}

    def login_flows(self, request, session):
        return {"flows": [{"type": type} for type in ("m.login.password", "m.login.token", "m.login.application_service")]}

    def login(self, request, session):
        body = request.body
        way = {"m.login.password": self.by_password, "m.login.token": self.by_token, "m.login.application_service": self.by_appservice}.get(body.get("type"))
        if not way:
            raise Refusal(400, "M_UNKNOWN", f"Unknown login type {body.get('type')}")
        user = way(request, body)
        if user.deactivated:
            raise Refusal(403, "M_USER_DEACTIVATED", "This account has been deactivated")
        session = self.state.login(user, body.get("device_id"), body.get("refresh_token", False))
        return {"user_id": user.id, "access_token": session.access, "home_server": self.state.name, "device_id": session.device, **self.lasting(session)}

    def lasting(self, session):
        return {**({"refresh_token": session.refresh} if session.refresh else {}),
                **({"expires_in_ms": session.expires - now()} if session.expires else {})}

    def named(self, body):
        name = body.get("identifier", {}).get("user") or body.get("user")
        if not isinstance(name, str):
            raise Refusal(400, "M_INVALID_PARAM", "identifier.user is missing")
        return self.state.full(name)

    def by_password(self, request, body):
        user = self.state.users.get(self.named(body))
        if not user or not user.password or body.get("password") != user.password:
            raise forbidden("Invalid username or password")
        return user

    def by_token(self, request, body):
        user = self.state.login_tokens.pop(body.get("token"), None)
        if not user:
            raise forbidden("Invalid login token")
        return self.state.user(user)

    def by_appservice(self, request, body):
        if request.token not in self.state.appservices:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Unrecognised access token.", soft_logout=False)
        return self.state.user(self.state.session_of(request.token, self.named(body)).user)

    def refresh(self, request, session):
        session = self.state.refresh(request.body.get("refresh_token"))
        return {"access_token": session.access, **self.lasting(session)}

    def logout(self, request, session):
        self.state.end_sessions(session.user, session.device)
        self.state.users[session.user].devices.discard(session.device)
        return {}

    def logout_all(self, request, session):
        self.state.end_sessions(session.user)
        return {}

    def whoami(self, request, session):
        return {"user_id": session.user, "device_id": session.device, "is_guest": False}

    def capabilities(self, request, session):
        return {"capabilities": {"m.change_password": {"enabled": True},
                                 "m.room_versions": {"default": "11", "available": {str(n): "stable" for n in range(1, 13)}}}}

    def devices(self, request, session):
        return {"devices": [{"device_id": device} for device in sorted(self.state.users[session.user].devices)]}

    # Rooms.

    def joined_rooms(self, request, session):
        user = self.state.users[session.user]
        return {"joined_rooms": [room.id for room in user.rooms.values() if room.membership(user.id) == "join"]}

    def alias(self, request, session, alias):
        if alias not in self.state.aliases:
            raise Refusal(404, "M_NOT_FOUND", f"Room alias {alias} not found")
        return {"room_id": self.state.aliases[alias], "servers": [self.state.name]}

    def create_room(self, request, session):
        state, body = self.state, request.body
        alias = f"#{body['room_alias_name']}:{state.name}" if "room_alias_name" in body else None
        if alias in state.aliases:
            raise Refusal(400, "M_ROOM_IN_USE", "Room alias already taken")
        for name in body.get("invite", ()):
            if state.full(name) not in state.users and name.endswith(":" + state.name):
                raise Refusal(400, "M_INVALID_PARAM", f"There is no {name}")
        room = state.new_room(session.user, body.get("room_version", "11"))
        first = [("m.room.join_rules", {"join_rule": "public" if body.get("preset") == "public_chat" else "invite"})]
        first += [(f"m.room.{word}", {word: body[word]}) for word in ("name", "topic") if word in body]
        if state.encrypt_new_rooms:
            first.append(("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
        for type, content in first:
            state.add(room, session.user, type, content, "")
        if alias:
            state.aliases[alias] = room.id
            state.add(room, session.user, "m.room.canonical_alias", {"alias": alias}, "")
        if body.get("preset") == "trusted_private_chat":
            users = {user: 100 for user in [session.user, *body.get("invite", ())]}
            state.add(room, session.user, "m.room.power_levels", {**room.content("m.room.power_levels"), "users": users}, "")
        for event in body.get("initial_state", ()):
            state.add(room, session.user, event["type"], checked(event["content"]), event.get("state_key", ""))
        for user in body.get("invite", ()):
            state.member(room, user, "invite", session.user, **({"is_direct": True} if body.get("is_direct") else {}))
        return {"room_id": room.id}

    def join(self, request, session, room):
        if not room.startswith(("!", "#")):
            raise Refusal(400, "M_INVALID_PARAM", f"{room} was not legal room ID or room alias")
        try:
            room = self.state.room(room)
        except Refusal:
            if room.startswith("#"):
                raise
            raise Refusal(404, "M_UNKNOWN", "Can't join remote room because no servers that are in the room have been provided.") from None
        membership = room.membership(session.user)
        if membership == "ban":
            raise forbidden(f"{session.user} is banned from {room.id}")
        if membership not in ("join", "invite") and room.content("m.room.join_rules").get("join_rule") != "public":
            raise forbidden("You are not invited to this room.")
        if membership != "join":
            self.state.member(room, session.user, "join")
        return {"room_id": room.id}

    def leave(self, request, session, room):
        room = self.state.room(room)
        if room.membership(session.user) in ("join", "invite"):
            self.state.member(room, session.user, "leave")
        return {}

    def forget_room(self, request, session, room):
        room = self.state.room(room)
        if room.membership(session.user) in ("join", "invite"):
            raise Refusal(400, "M_UNKNOWN", f"User {session.user} in room {room.id}")
        self.state.users[session.user].rooms.pop(room.id, None)
        return {}

    def moderate(self, request, session, room, level, membership, of):
        """Somebody's membership is changed by somebody else; `of` are those that it may have been."""
        room, user = self.state.room(room), request.body.get("user_id")
        if not isinstance(user, str):
            raise Refusal(400, "M_BAD_JSON", "user_id is missing")
        self.state.may(room, session.user, level)
        if room.membership(user) not in of:
            raise forbidden(f"{user} is {room.membership(user) or 'not'} in the room.")
        reason = {"reason": request.body["reason"]} if "reason" in request.body else {}
        self.state.member(room, user, membership, session.user, **reason)
        return {}

    def invite(self, request, session, room):
        return self.moderate(request, session, room, "invite", "invite", (None, "leave", "invite"))

    def kick(self, request, session, room):
        return self.moderate(request, session, room, "kick", "leave", ("join", "invite"))

    def ban(self, request, session, room):
        return self.moderate(request, session, room, "ban", "ban", (None, "leave", "invite", "join", "ban"))

    def unban(self, request, session, room):
        return self.moderate(request, session, room, "ban", "leave", ("ban",))

    # Reading.

    def sync(self, request, session):
        return self.hs.traps.sync(request, session)

    def messages(self, request, session, room):
        return homeserver_sync.messages(self.state, session, self.state.room(room), request.query)

    def inside(self, room, session):
        room = self.state.room(room)
        if room.membership(session.user) != "join":
            raise forbidden(f"User {session.user} not in room {room.id}")
        return room

    def event(self, request, session, room, id):
        room, event = self.inside(room, session), self.state.events.get(id)
        if not event or event.room != room.id:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        return self.state.seen_by(event, session)

    def all_state(self, request, session, room):
        return [self.state.seen_by(event, session) for event in self.inside(room, session).state.values()]

    def get_state(self, request, session, room, type, key=""):
        event = self.inside(room, session).state.get((type, key))
        if not event:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        return event.content

    def members(self, request, session, room):
        room, query = self.inside(room, session), request.query
        events = [e for e in room.members("join", "invite", "leave", "ban", "knock") if query.get("membership") in (None, e.content["membership"])
                  and query.get("not_membership") != e.content["membership"]]
        return {"chunk": [self.state.seen_by(event, session) for event in [*events, *room.the_crowd()]]}

    def joined_members(self, request, session, room):
        room = self.inside(room, session)
        return {"joined": {e.key: {"display_name": e.content.get("displayname")} for e in [*room.members("join"), *room.the_crowd()]}}

    # Writing.

    def send(self, request, session, room, type, txn):
        return {"event_id": self.state.send(self.state.room(room), session, type, request.body, txn).id}

    def put_state(self, request, session, room, type, key=""):
        return {"event_id": self.state.send(self.state.room(room), session, type, request.body, None, key).id}

    def redact(self, request, session, room, id, txn):
        return {"event_id": self.state.redact(self.state.room(room), session, id, request.body.get("reason"), txn).id}

    def myself(self, user, session):
        if user != session.user:
            raise forbidden("That is not you")
        return self.state.users[user]

    def typing(self, request, session, room, user):
        self.myself(user, session)
        room = self.inside(room, session)
        if request.body.get("typing"):
            room.typing[user] = time.monotonic() + request.body.get("timeout", 30000) / 1000
        else:
            room.typing.pop(user, None)
        room.typing_pos = self.state.tick()
        return {}

    def put_receipt(self, room, session, kind, id):
        event = self.state.events.get(id)
        if not event or event.room != room.id:
            raise Refusal(404, "M_NOT_FOUND", "There is no such event in the room")
        if kind == "m.fully_read":
            self.state.put_account_data(self.state.users[session.user], kind, {"event_id": id}, room.id)
        else:
            room.receipts[session.user, kind] = (self.state.tick(), id, now())

    def read_markers(self, request, session, room):
        room = self.inside(room, session)
        for kind in ("m.fully_read", "m.read", "m.read.private"):
            if kind in request.body:
                self.put_receipt(room, session, kind, request.body[kind])
        return {}

    def receipt(self, request, session, room, kind, id):
        if kind not in ("m.read", "m.read.private", "m.fully_read"):
            raise Refusal(400, "M_INVALID_PARAM", f"Receipt type {kind} is none of m.read, m.read.private, m.fully_read")
        self.put_receipt(self.inside(room, session), session, kind, id)
        return {}

    # What belongs to an account.

    def get_account_data(self, request, session, user, type, room=None):
        data = self.myself(user, session).account_data.get((room, type))
        if not data:
            raise Refusal(404, "M_NOT_FOUND", "Account data not found")
        return data[1]

    def put_account_data(self, request, session, user, type, room=None):
        self.state.put_account_data(self.myself(user, session), type, checked(request.body), room)
        return {}

    def put_filter(self, request, session, user):
        filters = self.myself(user, session).filters
        filters.append(checked(request.body))
        return {"filter_id": str(len(filters) - 1)}

    def get_filter(self, request, session, user, id):
        return self.filter(self.myself(user, session), id)

    def filter(self, user, id):
        if not id.isdigit() or int(id) >= len(user.filters):
            raise Refusal(404, "M_NOT_FOUND", "No such filter")
        return user.filters[int(id)]

    def filter_of_sync(self, user, text):
        if not text:
            return {}
        if not text.startswith("{"):
            try:
                return self.filter(user, text)
            except Refusal:
                raise Refusal(400, "M_INVALID_PARAM", "No such filter") from None
        try:
            return json.loads(text)
        except ValueError:
            raise Refusal(400, "M_INVALID_PARAM", "Invalid filter JSON") from None

    def profile(self, request, session, user):
        return self.displayname(request, session, user)

    def displayname(self, request, session, user):
        if user not in self.state.users:
            raise Refusal(404, "M_NOT_FOUND", "Profile was not found")
        return {"displayname": self.state.users[user].displayname}

    def put_displayname(self, request, session, user):
        self.hs.rename(self.myself(user, session).id, checked(request.body).get("displayname"))
        return {}

    def push_rules(self, request, session):
        return {"global": {"override": [], "underride": [], "content": [], "room": [], "sender": []}}

    # Nothing is encrypted here.

    def keys_upload(self, request, session):
        return {"one_time_key_counts": {"signed_curve25519": 0}}

    def keys_query(self, request, session):
        return {"device_keys": {}, "failures": {}}

    def keys_claim(self, request, session):
        return {"one_time_keys": {}, "failures": {}}

    def keys_changes(self, request, session):
        return {"changed": [], "left": []}

    def keys_version(self, request, session):
        raise Refusal(404, "M_NOT_FOUND", "No current backup version")

    # Files.

    def upload(self, request, session):
        if len(request.data) > self.state.upload_most:
            raise Refusal(413, "M_TOO_LARGE", "Upload request body is too large")
        id = f"m{len(self.state.media) + 1:04d}{hashlib.sha256(request.data).hexdigest()[:20]}"
        self.state.media[id] = (request.headers.get("content-type", "application/octet-stream"), request.query.get("filename"), request.data)
        return {"content_uri": f"mxc://{self.state.name}/{id}"}

    def media_config(self, request, session):
        return {"m.upload.size": self.state.upload_most}

    def download(self, request, session, server, id, name=None):
        if server != self.state.name or id not in self.state.media:
            raise Refusal(404, "M_NOT_FOUND", "Not found")
        type, given, body = self.state.media[id]
        return File(type, body, name or given)
