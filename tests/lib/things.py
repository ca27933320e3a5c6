"""What every test needs: free ports, waiting for readiness, processes that are ended by their pid."""
import os
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(check, seconds=20, what="something"):
    """The first true answer of check(); an AssertionError that says what never came."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def listening(port):
    def check():
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", port)) == 0
    return check


class Program:
    """A child in a group of its own, its output in a file."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd,
                                          start_new_session=True)
        self.pid = self.child.pid

    def running(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def kill(self):
        """kill -9 of the program alone."""
        if self.running():
            self.child.kill()
        return self.child.wait()

    def stop(self, seconds=15):
        """Asks it to end, then ends its whole group."""
        if self.running():
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.child.returncode
