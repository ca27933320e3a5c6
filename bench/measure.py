"""What a process costs, from /proc, and how it answers somebody on a real IRC server."""
import itertools
import os
import select
import socket
import statistics
import time

TICK = os.sysconf("SC_CLK_TCK")
STALL = 3                                       # s without any answer: what is still open is lost
LOST_MOST = 3                                   # answers that never came, after which nothing more is asked
words = itertools.count(100000)                 # what a !ping carries, and its answer must


def cpu(pid):
    """Seconds on a core of all its threads that live."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def pss(pid):
    """kB of memory, pages that are shared counted by their share."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


class Noise:
    """The share of the machine that went to others than `pids` and ourselves."""

    def __init__(self, *pids):
        self.pids = pids
        self.begin = self.now()

    def now(self):
        with open("/proc/stat") as f:
            v = [int(x) for x in f.readline().split()[1:9]]
        own = sum(cpu(pid) for pid in self.pids) + sum(os.times()[:2])
        return time.monotonic(), (sum(v) - v[3] - v[4]) / TICK - own

    def percent(self):
        (before, foreign), (now, later) = self.begin, self.now()
        return max(0, round(100 * (later - foreign) / (now - before) / os.cpu_count()))


class Asker:
    """Somebody in the channel who asks."""

    def __init__(self, port, nick, channel, register=None):
        self.channel = channel
        self.buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if register:
            self.send("CAP LS 302", "CAP REQ :draft/account-registration")
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        if register:
            self.send(f"REGISTER * * {register}")
            self.expect(" SUCCESS ")
            self.send("CAP END")
        self.expect(" 001 ")
        self.send(f"JOIN {channel}")
        self.expect(" 366 ")

    def fileno(self):
        return self.socket.fileno()

    def send(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def lines(self, seconds):
        """The lines that come at once; none after `seconds`. It acknowledges at once, or a server with Nagle waits 40 ms for it."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return []
        more = self.socket.recv(1 << 18)
        if not more:
            raise AssertionError("the IRC server closed a connection")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        *lines, self.buffer = (self.buffer + more).split(b"\n")
        for line in lines:
            if line.startswith(b"PING"):
                self.send("PONG" + line[4:].decode().rstrip())
        return [line.rstrip(b"\r").decode() for line in lines]

    def drain(self):
        self.socket.recv(1 << 18)

    def expect(self, part, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.lines(0.2):
                if part in line:
                    return line
        raise AssertionError(f"waited {seconds} s for {part!r}")

    def ask(self, *which):
        self.send(*(f"PRIVMSG {self.channel} :!ping {word}" for word in which))

    def answers(self, seconds):
        """The words that were answered."""
        return [int(line.rsplit("pong ", 1)[1]) for line in self.lines(seconds) if "pong " in line]

    def close(self):
        self.socket.close()


def one_by_one(asker, count):
    """Microseconds of each answer, in the order of asking, and how many never came."""
    took, lost = [], 0
    for word in itertools.islice(words, count):
        begin = time.perf_counter_ns()
        asker.ask(word)
        while True:
            got = asker.answers(STALL)
            if word in got:
                took.append((time.perf_counter_ns() - begin) / 1000)
                break
            if not got and time.perf_counter_ns() - begin > STALL * 1e9:
                lost += 1
                break
        if lost == LOST_MOST:
            break
    return took, lost


def at_once(askers, count, outstanding):
    """Answers a second, and how many never came, while each asker has `outstanding` commands open."""
    asked, open_, lost, answered = 0, {}, 0, 0
    begin = last = time.monotonic()

    def more(who, most):
        nonlocal asked
        fresh = list(itertools.islice(words, min(most, count - asked)))
        asked += len(fresh)
        open_.update((word, who) for word in fresh)
        if fresh:
            askers[who].ask(*fresh)

    for who in range(len(askers)):
        more(who, outstanding)
    while open_:
        ready = select.select(askers, [], [], STALL)[0]
        if not ready:
            lost += len(open_)
            open_.clear()
            break
        for asker in ready[1:] if askers[0] in ready else ready:
            asker.drain()                       # all hear everything; the first one listens
        if askers[0] in ready:
            got = [open_.pop(word) for word in askers[0].answers(0) if word in open_]
            answered += len(got)
            last = time.monotonic() if got else last
            for who in set(got):
                more(who, got.count(who))
    return answered / max(last - begin, 1e-6), lost


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def median(values):
    return statistics.median(values)
