"""The gateway under test, and somebody at its console."""
import json
import os
import pwd
import re
import socket
import subprocess
import time

from . import things

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SALLYPORT", os.path.join(HERE, "..", "..", "build", "sallyport"))
UNDER = os.environ.get("SALLYPORT_UNDER", "").split()           # valgrind and its options
USER = pwd.getpwuid(os.geteuid()).pw_name

def preloads():
    """Whether a library can come before all others, which is where the address sanitizer wants to be, and valgrind."""
    return not UNDER and "libasan" not in subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout


# What the address sanitizer says of itself to every program with fibers.
ASAN_ON_FIBERS = re.compile(r"^==\d+==WARNING: ASan doesn't fully support makecontext/swapcontext.*\n", re.M)


class Gateway:
    """Writes a configuration into `folder` and runs it."""

    def __init__(self, folder, conf, log="debug"):
        self.folder = folder
        self.state = os.path.join(folder, "state")
        self.conf = os.path.join(folder, "sallyport.conf")
        self.log = os.path.join(folder, "gateway.log")
        self.program = None
        with open(self.conf, "w") as f:
            f.write(f'state = "{self.state}"\nlog = "{log}"\n{conf}')

    def secret(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text + "\n")
        return path

    def start(self, env=None):
        self.program = things.Program([*UNDER, PROGRAM, "run", "-c", self.conf], self.log, env=env)
        things.wait_until(self.answers, 60, "the gateway's console; its log:\n" + self.program.output()[-2000:])
        return self

    def answers(self):
        if not self.program.running():
            raise AssertionError("the gateway ended: " + self.program.output()[-3000:])
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(os.path.join(self.state, "console")) == 0

    def kill(self):
        self.program.kill()

    def stop(self):
        """Its exit code. What a sanitizer found in any of its lives is an error of the test that ran it."""
        if not self.program:
            return 0
        code = self.program.stop()
        found = [line for line in self.program.output().split("\n") if "Sanitizer" in line and "WARNING" not in line or "runtime error" in line]
        if found:
            raise AssertionError("\n".join(found[:10]) + "\n" + self.program.output()[-3000:])
        return code

    def cli(self, *words):
        """(exit code, output) of the command line."""
        done = subprocess.run([PROGRAM, words[0], "-c", self.conf, *words[1:]], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + ASAN_ON_FIBERS.sub("", done.stderr)

    def console(self):
        return Console(os.path.join(self.state, "console"))


class Console:
    """Speaks the console's protocol: says lines, acknowledges what it is told."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""
        self.lines = []
        self.heard = set()
        self.idle = 0
        self.count = 0
        self.send(listen=True)

    def close(self):
        self.socket.close()

    def send(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self, seconds):
        """Takes what has come; False once the gateway is gone."""
        self.socket.settimeout(seconds)
        try:
            more = self.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False
        self.buffer += more
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self.take(json.loads(line))
        return bool(more)

    def take(self, message):
        if "line" in message:
            self.lines.append(message["line"])
            if "txn" in message:
                try:
                    self.send(ack=message["txn"])
                except OSError:
                    pass
        if "heard" in message:
            self.heard.add(message["heard"])
        if "idle" in message:
            self.idle += 1

    def say(self, text):
        self.count += 1
        self.send(say=text, id=f"c{self.count}")
        return f"c{self.count}"

    def until(self, check, seconds=20, what="a line"):
        end = time.monotonic() + seconds
        while True:
            answer = check()
            if answer:
                return answer
            left = end - time.monotonic()
            if left <= 0 or not self.read(min(left, 0.5)):
                raise AssertionError(f"waited for {what}; heard:\n" + "\n".join(self.lines[-30:]))

    def expect(self, part, seconds=20):
        """The first line not yet taken that holds `part`; lines before it are taken too."""
        def check():
            for i, line in enumerate(self.lines):
                if part in line:
                    del self.lines[:i + 1]
                    return line
            return None
        return self.until(check, seconds, f"a line with {part!r}")

    def ask(self, text, part, seconds=20):
        self.say(text)
        return self.expect(part, seconds)
