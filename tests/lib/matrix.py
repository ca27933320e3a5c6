"""Somebody on Matrix: a small client over the client-server API, for Synapse and for homeservers of the tests' own."""
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


class Refused(OSError):
    """What a homeserver says no with."""

    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        try:
            self.code = json.loads(body).get("errcode", "")
        except ValueError:
            self.code = ""


def ask(url, method, path, body=None, token=None, type="application/json", raw=False, seconds=60):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": type}, method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            got = answer.read()
    except urllib.error.HTTPError as refused:
        raise Refused(refused.code, refused.read().decode("utf-8", "replace")) from None
    return got if raw else json.loads(got or b"{}")


def login(url, user, password, device=None):
    answer = ask(url, "POST", "/_matrix/client/v3/login", {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user},
                                                           "password": password, **({"device_id": device} if device else {})})
    return Person(url, answer["user_id"], answer["access_token"])


class Person:
    """Hears everything in the background; `events` are those of all rooms, in the order in which they came, each with its room_id."""

    def __init__(self, url, user, token):
        self.url, self.user, self.token = url, user, token
        self.name = user[1:].split(":")[0]
        self.events = []
        self.taken = 0
        self.news = threading.Condition()
        self.since = None
        self.closed = False
        self.thread = None

    def ask(self, method, path, body=None, **more):
        return ask(self.url, method, "/_matrix/client/v3" + path, body, self.token, **more)

    # Hearing.

    def listen(self):
        self.sync(0)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while not self.closed:
            try:
                self.sync(10000)
            except OSError:
                time.sleep(0.1)                 # it is being restarted

    def sync(self, timeout):
        query = {"timeout": timeout, "filter": '{"room":{"timeline":{"limit":200}}}', **({"since": self.since} if self.since else {})}
        answer = self.ask("GET", "/sync?" + urllib.parse.urlencode(query))
        with self.news:
            for room, told in answer.get("rooms", {}).get("join", {}).items():
                self.events += [{**event, "room_id": room} for event in told["timeline"]["events"]]
            for room, told in answer.get("rooms", {}).get("invite", {}).items():
                self.events.append({"type": "invited", "room_id": room, "sender": "", "content": {}, "state": told["invite_state"]["events"]})
            self.since = answer["next_batch"]
            self.news.notify_all()

    def close(self):
        self.closed = True

    def expect(self, part, seconds=20):
        """The first event not yet taken whose body holds `part` (or for which it is true)."""
        fits = part if callable(part) else lambda event: part in text_of(event)
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for i in range(self.taken, len(self.events)):
                    if fits(self.events[i]):
                        self.taken = i + 1
                        return self.events[i]
                if not self.news.wait(max(0, end - time.monotonic())) and time.monotonic() >= end:
                    raise AssertionError(f"{self.user} waited for {part!r}; heard:\n" + "\n".join(
                        f"{event['sender']} {event['type']}: {text_of(event) or event['content']}" for event in self.events[-30:]))

    def heard(self, part, seconds):
        try:
            return self.expect(part, seconds)
        except AssertionError:
            return None

    # Saying.

    def send(self, room, content, type="m.room.message"):
        return self.ask("PUT", f"/rooms/{quote(room)}/send/{type}/{uuid.uuid4().hex}", content)["event_id"]

    def say(self, room, text, **content):
        return self.send(room, {"msgtype": "m.text", "body": text, **content})

    def reply(self, room, event, text):
        return self.say(room, text, **{"m.relates_to": {"m.in_reply_to": {"event_id": event}}})

    def thread_say(self, room, root, text):
        return self.say(room, text, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root, "is_falling_back": True,
                                                        "m.in_reply_to": {"event_id": root}}})

    def edit(self, room, event, text):
        return self.say(room, "* " + text, **{"m.new_content": {"msgtype": "m.text", "body": text},
                                              "m.relates_to": {"rel_type": "m.replace", "event_id": event}})

    def react(self, room, event, key):
        return self.send(room, {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}, "m.reaction")

    def redact(self, room, event):
        return self.ask("PUT", f"/rooms/{quote(room)}/redact/{quote(event)}/{uuid.uuid4().hex}", {})["event_id"]

    def upload(self, data, type="application/octet-stream", name="file"):
        return ask(self.url, "POST", "/_matrix/media/v3/upload?" + urllib.parse.urlencode({"filename": name}), data, self.token, type=type)["content_uri"]

    def download(self, uri):
        return ask(self.url, "GET", "/_matrix/client/v1/media/download/" + uri[len("mxc://"):], token=self.token, raw=True)

    # Rooms.

    def create(self, alias=None, invite=(), encrypted=False, **more):
        state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}] if encrypted else []
        return self.ask("POST", "/createRoom", {"preset": "private_chat", "invite": list(invite), "initial_state": state,
                                                **({"room_alias_name": alias} if alias else {}), **more})["room_id"]

    def join(self, room):
        return self.ask("POST", f"/join/{quote(room)}", {})["room_id"]

    def in_room(self, room, what, user, reason=None):
        """what: invite, kick, ban or unban."""
        return self.ask("POST", f"/rooms/{quote(room)}/{what}", {"user_id": user, **({"reason": reason} if reason else {})})

    def leave(self, room):
        return self.ask("POST", f"/rooms/{quote(room)}/leave", {})

    def set_state(self, room, type, content, key=""):
        return self.ask("PUT", f"/rooms/{quote(room)}/state/{type}/{quote(key)}", content)

    def members(self, room):
        return list(self.ask("GET", f"/rooms/{quote(room)}/joined_members")["joined"])

    def rename(self, shown):
        return self.ask("PUT", f"/profile/{quote(self.user)}/displayname", {"displayname": shown})

    # What a room shows.

    def history(self, room, limit=500):
        events, start = [], ""
        while len(events) < limit and start is not None:
            page = self.ask("GET", f"/rooms/{quote(room)}/messages?dir=b&limit={min(limit - len(events), 1000)}{start}")
            events += page["chunk"]
            start = "&from=" + page["end"] if page.get("end") else None
        return events[::-1]

    def shows(self, room):
        """What a client draws of it: messages with their edits, each {id, sender, text, html, kind, thread, answers, signs}, oldest first."""
        shown, order = {}, []
        for event in self.history(room):
            content, relates = event["content"], event["content"].get("m.relates_to", {})
            target = shown.get(relates.get("event_id"))
            if event["type"] == "m.reaction" and target:
                target["signs"].append((event["sender"], relates["key"]))
            elif event["type"] != "m.room.message" or not content:
                continue
            elif relates.get("rel_type") == "m.replace":
                if target and target["sender"] == event["sender"]:
                    new = content["m.new_content"]
                    target.update(text=new["body"], html=new.get("formatted_body"), edits=target["edits"] + 1)
            else:
                shown[event["event_id"]] = {"id": event["event_id"], "sender": event["sender"], "text": content.get("body", ""),
                                            "html": content.get("formatted_body"), "kind": content.get("msgtype"), "signs": [], "edits": 0,
                                            "thread": relates.get("event_id") if relates.get("rel_type") == "m.thread" else None,
                                            "answers": relates.get("m.in_reply_to", {}).get("event_id"),
                                            "mentions": content.get("m.mentions", {}).get("user_ids", [])}
                order.append(event["event_id"])
        return [shown[event] for event in order]


def quote(part):
    return urllib.parse.quote(part, safe="")


def text_of(event):
    """What it says now; of an edit the new words."""
    content = event.get("content", {})
    return re.sub("\u2060", "", content.get("m.new_content", content).get("body") or "")
