"""Somebody on Matrix whose client is matrix-js-sdk: what a client that is not ours sends, and makes of what the gateway sends."""
import json
import os
import select
import subprocess

from . import servers, things

JS = os.path.join(servers.TREES or "", "js")
THERE = bool(servers.TREES) and os.path.exists(os.path.join(JS, "done"))
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js_client.mjs")


class Person:
    """Logged in and synchronised; encrypts: as clients do it that people use, in rooms that say so."""

    def __init__(self, url, user, password, encrypts=False):
        self.program = subprocess.Popen([os.path.join(JS, "node_modules/.bin/node"), PROGRAM, os.path.join(JS, "node_modules/matrix-js-sdk"), url, user, password,
                                         *(["encrypts"] if encrypts else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.user = self.answer()

    def answer(self, seconds=60):
        """Requests are made one at a time, so that a line is all there is to read."""
        readable, _, _ = select.select([self.program.stdout], [], [], seconds)
        line = self.program.stdout.readline() if readable else ""
        if not line:
            raise AssertionError("matrix-js-sdk " + ("ended" if readable else f"did not answer within {seconds} s"))
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"matrix-js-sdk: {answer['error']}")
        return answer["answer"]

    def ask(self, what, **of):
        self.program.stdin.write(json.dumps({"do": what, "of": of}) + "\n")
        self.program.stdin.flush()
        return self.answer()

    def close(self):
        self.program.stdin.close()
        try:
            self.program.wait(10)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        self.program.stdout.close()

    # Rooms.

    def create(self, alias, invite, encrypted=False):
        return self.ask("create", alias=alias, invite=list(invite), encrypted=encrypted)

    def join(self, room):
        return self.ask("join", room=room)

    def invitations(self):
        return self.ask("invitations")

    # Saying: each returns the id of its event.

    def say(self, room, text, thread=None):
        return self.ask("say", room=room, text=text, thread=thread)

    def html(self, room, text, html):
        return self.ask("html", room=room, text=text, html=html)

    def reply(self, room, event, **content):
        return self.ask("reply", room=room, event=event, content={"msgtype": "m.text", **content})

    def edit(self, room, event, text):
        return self.ask("edit", room=room, event=event, text=text)

    def react(self, room, event, key):
        return self.ask("react", room=room, event=event, key=key)

    def redact(self, room, event):
        return self.ask("redact", room=room, event=event)

    def file(self, room, name, type, text):
        return self.ask("file", room=room, name=name, type=type, text=text)

    # What it shows.

    def timeline(self, room):
        """The messages outside of threads, as they are now, oldest first."""
        return self.ask("timeline", room=room)

    def threads(self, room):
        return self.ask("threads", room=room)

    def message(self, room, event):
        return next((one for one in self.timeline(room) if one["id"] == event), None)

    def shown(self, room, sender, part, where=None):
        """The newest message of that sender that says that now, waited for; where: timeline, or a function of the messages to look at."""
        def look():
            found = [one for one in (where or self.timeline)(room) if one["sender"] == sender and part in (one["text"] or "")]
            return found and found[-1]
        return things.wait_until(look, 20, f"{part!r} in matrix-js-sdk")

    def heard(self, room):
        """All events that came, as they came, and what each would do: rings, highlight, sound."""
        return self.ask("heard", room=room)

    def complaints(self):
        """What the SDK warned of since it was asked last."""
        return self.ask("complaints")
