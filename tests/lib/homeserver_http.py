"""HTTP/1.1 for the tests' own homeserver: a thread a connection, keep-alive, and answers that can be cut anywhere."""
import json
import socket
import sys
import threading
import time
import traceback
import urllib.parse

from .homeserver_api import File
from .homeserver_state import Refusal

REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}
LINE_MOST = 65536


class Gone(OSError):
    """The connection is to be closed without another byte."""


def no_number(name):
    raise ValueError(f"{name} is no JSON")


class Request:
    """What came, and what became of it: `status` is None until it was answered, 0 if it was cut before."""

    def __init__(self, method, target, headers, data):
        self.when = time.monotonic()
        self.method, self.headers, self.data = method, headers, data
        self.raw_path, _, query = target.partition("?")
        self.path = self.decode(self.raw_path)
        self.query = {name: values[-1] for name, values in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        self.token = headers.get("authorization", "").removeprefix("Bearer ") or self.query.get("access_token")
        self.user = self.device = None
        self.status = None
        try:
            self.body = json.loads(data.decode(), parse_constant=no_number) if data else None
        except ValueError:
            self.body = data

    def __repr__(self):
        return f"<{self.method} {self.path} by {self.user}: {self.status}>"

    @staticmethod
    def decode(text):
        return urllib.parse.unquote(text)

    def need_json(self, may_be_empty):
        if self.method not in ("POST", "PUT"):
            return
        if self.body is None and not self.data and may_be_empty:
            self.body = {}
        if self.body is None or isinstance(self.body, bytes):
            raise Refusal(400, "M_NOT_JSON", "Content not JSON.")
        if not isinstance(self.body, dict):
            raise Refusal(400, "M_BAD_JSON", "Content must be a JSON object.")


class Answer:
    """`body` is bytes, or pieces of bytes that are made while they are sent. With `cut` the connection ends after so many bytes."""

    def __init__(self, status, body, type="application/json", headers=None, length=None, cut=None):
        self.status, self.body, self.cut = status, body, cut
        self.headers = {"Content-Type": type, **(headers or {})}
        if isinstance(body, bytes) or length is not None:
            self.headers["Content-Length"] = len(body) if length is None else length
        else:
            self.headers["Transfer-Encoding"] = "chunked"

    @classmethod
    def of(cls, value, status=200, headers=None):
        if isinstance(value, Answer):
            return value
        if isinstance(value, File):
            name = urllib.parse.quote(value.name or "")
            return cls(status, value.body, value.type, {"Content-Disposition": "attachment" + (f"; filename*=utf-8''{name}" if name else "")})
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:              # half a surrogate pair can only be written with \u
            text = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, text, headers=headers)

    def pieces(self):
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Something')}", *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        head = "\r\n".join(lines).encode()
        if isinstance(self.body, bytes):
            yield head + self.body
            return
        yield head
        chunked = "Transfer-Encoding" in self.headers
        for piece in self.body:
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        if chunked:
            yield b"0\r\n\r\n"

    def send(self, connection):
        left = self.cut
        for piece in self.pieces():
            connection.sendall(piece if left is None else piece[:left])
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    raise Gone("cut")
        if left is not None:
            raise Gone("cut")


class Face:
    """Listens, and gives each request to `answer`, which gives an Answer."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.port = 0
        self.connections = set()
        self.lock = threading.Lock()
        self.listener = None
        self.round = 0                          # grows with each stop
        self.accepted = 0                       # connections so far
        self.bugs = []                          # of this program, to be looked at by the test

    def start(self):
        """Also again, at the same port, after stop()."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        with self.lock:
            self.round += 1
            ends = [self.listener, *self.connections] if self.listener else []
            self.connections, self.listener = set(), None
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)  # a thread that waits in accept() or recv() does not notice that its socket is closed
            except OSError:
                pass
            end.close()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                if self.listener is not listener:
                    connection.close()
                    return
                self.connections.add(connection)
                self.accepted += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, plain):
        connection = plain
        try:
            if self.tls:
                connection = self.tls.wrap_socket(plain, server_side=True)
                with self.lock:                 # the plain socket has given its descriptor away
                    self.connections.discard(plain)
                    self.connections.add(connection)
            with connection.makefile("rb", LINE_MOST) as reader:
                while self.one(connection, reader):
                    pass
        except (OSError, ValueError):           # ended by them, by a trap or by stop(); or no HTTP at all
            pass
        with self.lock:
            self.connections.discard(connection)
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        connection.close()

    def one(self, connection, reader):
        """One request; whether there may be another."""
        line = reader.readline(LINE_MOST).split()
        if len(line) != 3:
            return False
        headers = {}
        while (header := reader.readline(LINE_MOST).strip()):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = Request(line[0].decode(), line[1].decode(), headers, self.read_body(reader, headers))
        try:
            answer = self.answer(request)
        except Gone:
            request.status = 0
            raise
        except Exception:
            self.bugs.append(traceback.format_exc())
            print(f"The tests' homeserver could not answer {request}:\n{self.bugs[-1]}", file=sys.stderr)
            answer = Answer.of({"errcode": "M_UNKNOWN", "error": "Internal server error"}, 500)
        request.status = answer.status if answer.cut is None else 0
        answer.send(connection)
        return headers.get("connection", "").lower() != "close"

    def read_body(self, reader, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return reader.read(int(headers.get("content-length", 0)))
        data = b""
        while (size := int(reader.readline(LINE_MOST).split(b";")[0], 16)):
            data += reader.read(size)
            reader.readline(LINE_MOST)
        while reader.readline(LINE_MOST).strip():
            pass
        return data
