"""Each attack upon persons and approvals (threats I1 to I5, M1 to M7, A1 to A4), as a row: it is refused, nothing is asked of the service, the audit
has what the row says and not a line more; and the honest version of the same step works, right behind it, in the same room."""
import os
import sqlite3
import time
import unittest
from typing import Any, Callable, NamedTuple

from lib import attacked, things

ADD = "!build add"


# What honest people do. Each makes one run.

def asks(stage):
    """In the room's last place, by the account tag or the sender."""
    stage.honest.say("alice", ADD)
    return "ran test"


def asks_and_whox_answers(stage):
    stage.place.enter("honest" + stage.name, "alice")
    stage.place.say("honest" + stage.name, ADD)
    nick, token = stage.place.question()
    stage.place.answer(token, nick, "alice")
    return "ran test"


def bob_approves(stage):
    stage.honest.say("bob", f"!approve {stage.label}")
    return "ran " + stage.target


def bob_says_the_code(stage):
    stage.place.say("bob", f"!approve {stage.code}")
    return "ran " + stage.target


def dana_approves(stage):
    stage.place.say("dana", f"!approve {stage.label}")
    return "ran " + stage.target


def bob_reacts(stage):
    stage.hs.react("bob", stage.place.card(stage.label), "\U0001f44d")
    return "ran " + stage.target


def another_is_approved(stage):
    """What was attacked is over: it is asked for again."""
    stage.label, stage.code = stage.world.asked(stage.place, target=stage.target)
    return bob_approves(stage)


# IRC.

def lines(*raw):
    def do(stage):
        for line in raw:
            stage.place.raw(line)
    return do


def asks_and(*raw, answer=None, behind=False, change=None):
    """alice asks, and before the answer to WHOX comes, something happens."""
    def do(stage):
        nick = "alice" + stage.name
        stage.place.enter(nick, "alice")
        stage.place.say(nick, ADD)
        asked, token = stage.place.question()
        for line in raw:
            stage.place.raw(line.replace("NICKNAME", nick))
        if behind:
            stage.place.raw(f":net.test 315 sally {nick} :End of /WHO list.")
        stage.place.answer(**{"token": token, "nick": asked, "account": answer or "alice", **(change or {})})
        if change:
            stage.place.raw(f":net.test 315 sally {nick} :End of /WHO list.")
    return do


def whois_says_who(stage):
    nick = "alice" + stage.name
    stage.place.raw(f":{nick}!u@host.test JOIN {{}}")
    stage.place.say(nick, "!whoami")
    while stage.place.question() != (nick,):
        pass
    for line in (f"311 sally {nick} u host.test * :A", f"330 sally {nick} alice :is logged in as", f"318 sally {nick} :End of /WHOIS list."):
        stage.place.raw(":net.test " + line)
    stage.world.expect(stage.place, "proven by whois")


def asks_by(nick="alice"):
    return lambda stage: stage.place.say(nick + stage.name, ADD)


TAGS = ("+account=alice", "account=*", "account=0", "account", "account=", "account=alice;account=*", "account=alice;account=", "account=al\\sice",
        "account=alice\\:", "draft/account=alice", "Account=alice", "account=corp/alice", "account=ALICE\\\\")
TARGETS = ("@{}", "+{}", "{},#other", "#other,{}", "{},sally", "$*.test", "{}\x07", ":{}")
SERVICES = ("NickServ!services@services.evil", "N1ckServ!services@services.test", "nickserv!n@host.test", "NickServ")


def services_ask(stage):
    for who in SERVICES:
        stage.place.raw(f":{who} NOTICE sally :This nickname is registered. Please identify: /msg NickServ IDENTIFY password")
        stage.place.raw(f":{who} NOTICE sally :\x01IDENTIFY\x01")
        for kind in ("NOTICE", "PRIVMSG"):
            stage.place.raw(f":{who} {kind} {{}} :IDENTIFY now")


def services_ask_in_private(stage):
    """What is said in private is a command, and a stranger's."""
    before = len(stage.place.network.lines)
    stage.place.raw(f":{SERVICES[1]} PRIVMSG sally :build add")
    stage.world.through(stage.place)
    told = [text for target, text in stage.place.network.lines[before:] if target == "N1ckServ"]
    stage.test.assertEqual(len(told), 1, told)
    stage.test.assertIn("cannot prove who you are", told[0])


# Matrix.

def says(who, text=ADD, **content):
    return lambda stage: stage.place.say(who, text, **content)


def of_elsewhere(who, name):
    def do(stage):
        stage.hs.add_user(who)
        stage.hs.join(who, stage.place.room)
        stage.hs.rename(who, name)
        stage.place.say(who, ADD)
    return do


def in_another_room(stage):
    other = stage.hs.add_room(f"#{stage.name}-other:hs.test", ["sally", "mallory", "alice"])
    stage.hs.say("alice", other, ADD)
    stage.elsewhere = attacked.OnMatrix(stage.hs, other)


def the_alias_is_moved(stage):
    """Whoever may set aliases there points ours to a room that the gateway is in."""
    other = stage.hs.add_room(None, ["sally", "mallory", "alice"], name=stage.name)
    stage.hs.state.aliases[f"#{stage.name}:hs.test"] = other
    stage.hs.emit("alice", other, "m.room.canonical_alias", {"alias": f"#{stage.name}:hs.test"}, "")
    stage.hs.say("alice", other, ADD)
    stage.elsewhere = attacked.OnMatrix(stage.hs, other)


def fifty_invitations(stage):
    rooms = [stage.hs.add_room(members=["mallory"]) for _ in range(50)]
    for room in rooms:
        stage.hs.add_user("@eve:evil.test")
        stage.hs.join("@eve:evil.test", room)
        stage.hs.invite("sally", room, "@eve:evil.test")
        stage.hs.say("mallory", room, ADD)
    stage.world.through(stage.place)
    stage.test.assertEqual([r.path for r in stage.hs.asked("/join/") if any(room in r.path for room in rooms)], [])


def an_old_line_is_edited(stage):
    stage.hs.edit("alice", stage.place.say("alice", "an old line"), ADD)


def quoted(stage):
    stage.hs.reply("bob", stage.place.say("alice", "an old line"), "no", quoted=True)
    stage.place.say("bob", f"> <@alice:hs.test> {ADD}\n\nno")


def reacted(stage):
    stage.hs.react("alice", stage.place.say("alice", "an old line"), ADD)


def taken_back_at_once(stage):
    with stage.hs.at_once():
        stage.hs.redact("alice", stage.place.say("alice", ADD))


def told_twice(stage):
    stage.place.say("alice", ADD)
    stage.world.expect(stage.place, " passed")
    stage.world.through(stage.place)
    stage.begin()
    stage.hs.repeat()
    stage.world.through(stage.place)
    stage.hs.repeat()


def said_at(minutes):
    def do(stage):
        stage.hs.emit("alice", stage.place.room, "m.room.message", {"msgtype": "m.text", "body": ADD}, ts=int((time.time() + minutes * 60) * 1000))
    return do


def while_the_cursor_is_lost(stage):
    def forget():
        for _ in range(50):
            stage.place.say("alice", ADD)
        with sqlite3.connect(stage.store) as db:
            for name, in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND sql LIKE '%cursor%'").fetchall():
                db.execute(f"DELETE FROM {name}")
    stage.world.restart(forget)


def the_server_forgets_us(stage):
    def forget():
        stage.hs.forget()
        for _ in range(50):
            stage.place.say("alice", ADD)
    stage.world.restart(forget)


def with_power(who, level):
    def do(stage):
        stage.hs.levels(stage.place.room, users={who: level})
        stage.place.say(who, ADD)
    return do


# Approvals.

def waits(target="prod", who="alice"):
    def setup(stage):
        stage.target = target
        stage.label, stage.code = stage.world.asked(stage.place, who, target)
    return setup


def approves(who, link=None, by="label"):
    def do(stage):
        place = stage.world.place(stage.name, link) if link else stage.place
        place.say(who, f"!approve {getattr(stage, by)}")
    return do


def reacts(who, key="\U0001f44d", on=None, times=1):
    def do(stage):
        event = on(stage) if on else stage.place.card(stage.label)
        for _ in range(times):
            stage.hs.react(who, event, key)
    return do


def look_alike(stage):
    return stage.place.say("carol", next(text for text in stage.place.shows() if f"{stage.label} asked" in text))


def copied_elsewhere(stage):
    """By the gateway's own account, in another room of ours, the words of the card."""
    body = next(text for text in stage.place.shows() if f"{stage.label} asked" in text)
    return stage.hs.say("sally", stage.world.matrix["elsewhere"], body)


def the_ghost(stage):
    """bob, as a bridge shows him."""
    ghost = "@_irc_bob:hs.test"
    stage.hs.add_user(ghost)
    stage.hs.rename(ghost, "bob")
    stage.hs.join(ghost, stage.place.room)
    stage.hs.react(ghost, stage.place.card(stage.label), "\U0001f44d")


def reacts_and_takes_it_back(stage):
    with stage.hs.at_once():
        stage.hs.redact("bob", stage.hs.react("bob", stage.place.card(stage.label), "\U0001f44d"))


def bob_counts_and_goes_back(stage):
    """One of two: bob's sign is taken back, and only then another comes."""
    sign = stage.hs.react("bob", stage.place.card(stage.label), "\U0001f44d")
    stage.world.expect(stage.place, "approved by bob (reaction), needs 1 other")
    stage.begin()
    stage.hs.redact("bob", sign)


def bob_counts(stage):
    waits("two")(stage)
    stage.place.say("bob", f"!approve {stage.label}")
    stage.world.expect(stage.place, "approved by bob, needs 1 other")


def the_same_code_again(stage):
    bob_says_the_code(stage)
    stage.world.expect(stage.place, f"{stage.label} passed")
    stage.world.through(stage.place)
    stage.begin()
    stage.place.say("bob", f"!approve {stage.code}")


def the_question_is_edited(stage):
    stage.hs.edit("alice", next(one.id for one in stage.hs.shows(stage.place.room) if one.body == f"{ADD} target=prod"), f"{ADD} target=evil")


def the_question_is_taken_back(stage):
    stage.hs.redact("alice", next(one.id for one in stage.hs.shows(stage.place.room) if one.body == f"{ADD} target={stage.target}"))


def then_bob(do, *more):
    """Something happens, bob approves, and it is undone again."""
    def both(stage):
        do(stage)
        stage.place.say("bob", f"!approve {stage.label}")
        for undo in more:
            stage.world.expect(stage.place, f"{stage.label} refused")
            undo(stage)
    return both


def reloads(old="", new=""):
    return lambda stage: stage.world.reload(old, new)


def has_run(stage):
    stage.place.say("alice", ADD)
    stage.world.expect(stage.place, " passed")


def what_ran_is_taken_back(stage):
    stage.hs.redact("alice", next(one.id for one in stage.hs.shows(stage.place.room) if one.body == ADD))


def thrown_out(stage):
    stage.hs.ban("alice", stage.place.room)


def comes_back(stage):
    for membership in ("leave", "join"):
        stage.hs.set_member("alice", stage.place.room, membership)


def goes_away(stage):
    stage.hs.leave("alice", stage.place.room)


def the_store_is_changed(column, old, new):
    """By whoever can write the file: the target, or what was needed."""
    def change(stage):
        def write():
            with sqlite3.connect(stage.store) as db:
                table = "intent" if column == "args" else "approval"
                for name, in db.execute("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name=?", (table,)).fetchall():
                    db.execute(f"DROP TRIGGER {name}")
                row = db.execute("SELECT intent FROM approval WHERE label=?", (stage.label,)).fetchone()[0]
                done = db.execute(f"UPDATE {table} SET {column}=replace({column}, ?, ?) WHERE {'id' if table == 'intent' else 'intent'}=?", (old, new, row))
                stage.test.assertEqual(done.rowcount, 1)
        stage.world.restart(write)
    return change


def a_fresh_account(stage):
    """mallory has one account of dana's, and says yes by another one that was paired with it just now."""
    waits()(stage)
    known, fresh = stage.world.private("dana"), stage.world.private("mallory")
    stage.world.through(stage.place)
    known.say("dana", "pair")
    code = stage.world.expect(known, "say to me in private").split(": pair ")[1].split(".")[0]
    fresh.say("mallory", f"pair {code}")
    stage.world.expect(fresh, "If that is you")
    fresh.say("mallory", "yes")
    stage.world.expect(fresh, "Paired")


def gives_it_up(stage):
    """And is nobody again for the attacks behind this one."""
    place = stage.world.private("dana")
    stage.world.through(stage.place)
    place.say("dana", "unpair hs/@mallory:hs.test")
    stage.world.expect(place, "Unpaired")


def too_late(stage):
    attacked.after(1)
    stage.world.expect(stage.place, f"{stage.label} expired")
    stage.begin()
    stage.place.say("bob", f"!approve {stage.label}")


NOBODY = ("refused", None, "refused: not proven")
UNKNOWN = ("refused", None, "refused: unknown account")
LATE = ("refused", "alice", "refused: too late")


class Row(NamedTuple):
    id: str
    story: str
    links: tuple                        # where its room has places; attacked in the first, honest in the last
    do: Callable
    answer: Any = None                  # what the room is told; None: nothing at all
    audit: tuple = ()                   # (what, person, part of its decision or result) of each record, in order
    setup: Any = None
    honest: Callable = asks
    undo: Any = None


def on(tag):
    return lines(f"@{tag} :alice!u@host.test PRIVMSG {{}} :{ADD}")


TABLE = [
    Row("I1", "a nick is taken over", ("corp",), lines(":alice!u@host.test NICK :away", ":mallory!u@host.test NICK :alice",
        f":alice!u@host.test PRIVMSG {{}} :{ADD}"), "cannot prove who you are", (NOBODY,)),
    Row("I1", "nick, ident and host of alice, another account", ("corp",), lines(f"@account=mallory :alice!u@host.test PRIVMSG {{}} :{ADD}"),
        "corp/mallory is nobody I know", (UNKNOWN,)),
    Row("I1", "an account that looks alike", ("corp",), lines(f"@account=al\u0456ce :alice!u@host.test PRIVMSG {{}} :{ADD}"), "is nobody I know", (UNKNOWN,)),
    *[Row("I2", f"before the answer: {raw[0][:40]}", ("whox",), asks_and(*raw), "changed while I asked whox who you are", (NOBODY,), honest=asks_and_whox_answers)
      for raw in ([":NICKNAME!u@host.test NICK :gone", ":mallory!u@host.test NICK :NICKNAME"], [":NICKNAME!u@host.test QUIT :*.net *.split"],
                  [":NICKNAME!u@host.test PART {} :bye"], [":bob!u@host.test KICK {} NICKNAME :out"], [":NICKNAME!u@host.test ACCOUNT alice"],
                  [":NICKNAME!u@host.test CHGHOST u other.test"])],
    *[Row("I2", f"an answer about another {next(iter(change))}", ("whox",), asks_and(change=change), "not yours any more", (NOBODY,), honest=asks_and_whox_answers)
      for change in ({"user": "x"}, {"host": "h"}, {"nick": "bob"}, {"token": "0"})],
    Row("I2", "an answer behind the end", ("whox",), asks_and(behind=True), "not yours any more", (NOBODY,), honest=asks_and_whox_answers),
    Row("I2", "WHOIS proves nothing for a change", ("plain", "corp"), asks_by(), "neither account-tag nor WHOX", (NOBODY,), setup=whois_says_who),
    *[Row("I3", f"WHOX says {account}", ("whox",), asks_and(answer=account), "you are not logged in to services on whox", (NOBODY,), honest=asks_and_whox_answers)
      for account in ("0", "*")],
    Row("I3", "a logout was told", ("whox",), lambda s: (s.place.enter("out" + s.name, "alice"), s.place.raw(f":out{s.name}!u@host.test ACCOUNT *"),
        s.place.say("out" + s.name, ADD)), "you are not logged in to services on whox", (NOBODY,), honest=asks_and_whox_answers),
    Row("I3", "what was told is not enough for a change", ("told", "corp"), lambda s: (s.place.enter("in" + s.name, "alice"), s.place.say("in" + s.name, ADD)),
        "neither account-tag nor WHOX", (NOBODY,)),
    Row("I3", "a network that knows nothing of accounts", ("plain", "corp"), asks_by("anybody"), "neither account-tag nor WHOX", (NOBODY,)),
    *[Row("I4", f"the tag {tag}", ("corp",), on(tag), "refused: ", (("refused", None, "refused: "),)) for tag in TAGS],
    Row("I4", "the same account of another network", ("hq", "corp"), lambda s: s.place.say("alice", ADD), "hq/alice is nobody I know", (UNKNOWN,)),
    Row("I4", "a line with a NUL", ("corp",), lines(f"@account=alice\0x :alice!u@host.test PRIVMSG {{}} :{ADD}", f"@account=alice :alice!u@host.test PRIVMSG {{}} :{ADD}\0")),
    Row("I4", "said to several, or to a part of a channel", ("corp",), lines(*[f"@account=alice :alice!u@host.test PRIVMSG {to} :{ADD}" for to in TARGETS])),
    Row("I5", "who looks like services wants a password", ("corp",), services_ask),
    Row("I5", "who looks like services commands in private", ("corp",), services_ask_in_private, None, (NOBODY,)),
    *[Row("I5", f"{who} commands", ("corp",), lines(f":{who} PRIVMSG {{}} :{ADD}"), "cannot prove who you are", (NOBODY,)) for who in SERVICES[:3]],

    *[Row("M1", f"{who[:30]} asks", ("hs",), of_elsewhere(who, "alice"), "is nobody I know", (UNKNOWN,))
      for who in ("@Alice:hs.test", "@al\u0456ce:hs.test", "@" + "a" * 245 + ":hs.test", "@_irc_alice:hs.test")],
    *[Row("M1", f"{who} asks", ("hs",), of_elsewhere(who, "alice"), "are not among those that I believe", (NOBODY,))
      for who in ("@alice:evil.test", "@alice:HS.test", "@alice:hs.test.evil.test")],
    Row("M2", "in another room", ("hs",), in_another_room, None, (("refused", "alice", ""),)),
    Row("M2", "the alias leads elsewhere", ("hs",), the_alias_is_moved, None, (("refused", "alice", ""),)),
    Row("M3", "fifty invitations of strangers", ("hs",), fifty_invitations),
    Row("M4", "an old line becomes a command", ("hs",), an_old_line_is_edited),
    Row("M4", "a notice", ("hs",), says("alice", msgtype="m.notice")),
    Row("M4", "an emote", ("hs",), says("alice", msgtype="m.emote")),
    Row("M4", "our own words", ("hs",), says("sally")),
    Row("M4", "what an answer quotes", ("hs",), quoted),
    Row("M4", "formatted_body", ("hs",), says("alice", "nothing", format="org.matrix.custom.html", formatted_body=ADD)),
    Row("M4", "a file's name", ("hs",), says("alice", msgtype="m.file", url="mxc://hs.test/x")),
    Row("M4", "a reaction's words", ("hs",), reacted),
    Row("M4", "taken back in the same moment", ("hs",), taken_back_at_once),
    Row("M5", "the same answer of the server, twice", ("hs",), told_twice),
    Row("M5", "ten minutes ago by the server's clock", ("hs",), said_at(-10), "that clock and mine differ", (LATE,)),
    Row("M5", "in ten minutes by the server's clock", ("hs",), said_at(10), "ahead of mine", (LATE,)),
    Row("M5", "fifty commands, and the server forgot us", ("hs",), the_server_forgets_us),
    Row("M5", "fifty commands, and the cursor is lost", ("hs",), while_the_cursor_is_lost),
    Row("M6", "taken back before the yes", ("hs",), the_question_is_taken_back, "revoked: ci build add target=prod, what asked for it was taken back",
        (("revoked", "alice", "was taken back"),), waits(), another_is_approved),
    Row("M6", "taken back when it has run", ("hs",), what_ran_is_taken_back, None, (("taken back", "alice", "nothing is undone"),), has_run),
    Row("M6", "who asked was banned", ("hs",), then_bob(thrown_out), "alice is in the room no more",
        (("approved", "bob", ""), ("refused", "alice", "in the room no more")), waits(), another_is_approved, comes_back),
    Row("M6", "who asked has left", ("hs",), then_bob(goes_away), "alice is in the room no more",
        (("approved", "bob", ""), ("refused", "alice", "in the room no more")), waits(), another_is_approved, comes_back),
    *[Row("M7", f"the level {level!r} gives no right", ("hs",), with_power("mallory", level), "is nobody I know", (UNKNOWN,)) for level in (0, 100, 2 ** 53 - 1, "100")],

    Row("A1", "the question is edited while it waits", ("hs",), the_question_is_edited, None, (), waits(), bob_approves),
    Row("A1", "the stored target is changed", ("hs",), then_bob(the_store_is_changed("args", "prod", "evil")), "what is stored is not what was approved",
        (("approved", "bob", ""), ("refused", "alice", "is not what was approved")), waits(), another_is_approved),
    Row("A1", "one approver where two were needed", ("hs",), then_bob(the_store_is_changed("need", "2", "1")), "what is stored is not what was approved",
        (("approved", "bob", ""), ("refused", "alice", "is not what was approved")), waits("two"),
        lambda s: (setattr(s, "target", "prod"), another_is_approved(s))[1]),
    Row("A1", "other rules than when it was asked", ("hs",), then_bob(reloads('target=prod" } by = "deployer" reaction = yes', 'target=prod" } by = "deployer"'),
        reloads()), "other rules are in force", (("approved", "bob", ""), ("refused", "alice", "other rules")), waits(), another_is_approved),
    Row("A2", "one's own yes", ("hs",), approves("alice"), "you asked for", (("refused", "alice", "you asked for"),), waits(), bob_approves),
    Row("A2", "one's own yes by a second account", ("hs",), approves("alice2"), "you asked for", (("refused", "alice", "you asked for"),), waits(), bob_approves),
    Row("A2", "one's own yes on IRC", ("hs", "corp"), approves("alice", "corp"), "you asked for", (("refused", "alice", "you asked for"),), waits(), bob_approves),
    Row("A2", "one's own yes by a sign", ("hs",), reacts("alice2"), "you asked for", (("refused", "alice", "you asked for"),), waits(), bob_approves),
    Row("A2", "an account of nobody", ("hs",), approves("mallory"), "is nobody I know", (UNKNOWN,), waits(), bob_approves),
    Row("A2", "an account that was paired just now", ("hs",), approves("mallory"), "was paired less than a day ago",
        (("refused", "dana", "was paired less than a day ago"),), a_fresh_account, bob_approves, gives_it_up),
    Row("A2", "one person for two", ("hs",), approves("bob"), "you have decided upon", (("refused", "bob", "you have decided upon"),), bob_counts, dana_approves),
    Row("A2", "somebody without the role", ("hs",), approves("carol"), "needs the role deployer", (("refused", "carol", "needs the role deployer"),), waits(), bob_approves),
    Row("A3", "a sign on a look-alike", ("hs",), reacts("bob", on=look_alike), None, (), waits(), bob_reacts),
    Row("A3", "a sign on the same words elsewhere", ("hs",), reacts("bob", on=copied_elsewhere), None, (), waits(), bob_reacts),
    Row("A3", "a sign of a bridge's ghost", ("hs",), the_ghost, None, (), waits(), bob_reacts),
    Row("A3", "a sign of a stranger", ("hs",), reacts("mallory"), None, (), waits(), bob_reacts),
    Row("A3", "a sign where it is not enough", ("hs",), reacts("bob"), "a sign is not enough", (("refused", "bob", "a sign is not enough"),), waits("said"), bob_approves),
    Row("A3", "a sign that is no thumb", ("hs",), reacts("bob", "\U0001f389"), None, (), waits(), bob_reacts),
    Row("A3", "a sign that is taken back in the same moment", ("hs",), reacts_and_takes_it_back, None, (), waits(), bob_reacts),
    Row("A3", "a sign that is taken back before the second yes", ("hs",), lambda s: (bob_counts_and_goes_back(s),
        s.world.expect(s.place, "asked: ci build add target=two, needs 2 other"), s.hs.react("dana", s.place.card(s.label), "\U0001f44d"),
        s.world.expect(s.place, "approved by dana (reaction), needs 1 other")), "needs 1 other", (("withdrawn", "bob", ""), ("approved", "dana", "")), waits("two"), bob_approves),
    Row("A3", "a sign of the same person again", ("hs",), reacts("bob", "\U0001f44d\U0001f3fd", times=2), "you have decided upon",
        (("refused", "bob", "you have decided upon"),) * 2, bob_counts, dana_approves),
    Row("A3", "a code that was used", ("hs",), the_same_code_again, "waits for a yes", (("refused", "bob", "waits for a yes"),), waits(), another_is_approved),
    Row("A3", "a code that is guessed", ("hs",), lambda s: s.place.say("bob", "!approve AAAA-AAAA"), "waits for a yes", (("refused", "bob", "waits for a yes"),),
        waits(), bob_says_the_code),
    Row("A3", "the code in another room", ("hs",), lambda s: s.hs.say("bob", s.world.matrix["elsewhere"], f"!approve {s.code}"), None,
        (("refused", "bob", "was asked in"),), waits(), bob_says_the_code),
    Row("A4", "too late", ("hs",), too_late, "waits for a yes", (("refused", "bob", "waits for a yes"),), waits("soon"),
        lambda s: (setattr(s, "target", "prod"), another_is_approved(s))[1]),
    Row("A4", "who asked has lost the right", ("hs",), then_bob(reloads('"hs/@alice2:hs.test" } roles = { "deployer" }', '"hs/@alice2:hs.test" }'), reloads()),
        "needs the role", (("approved", "bob", ""), ("refused", "alice", "needs the role")), waits(), another_is_approved),
    Row("A4", "an account is another's by now", ("hs",), then_bob(reloads('"hs/@alice:hs.test", "hs', '"hs'), reloads()), "is not alice any more",
        (("approved", "bob", ""), ("refused", "alice", "is not alice any more")), waits(), another_is_approved),
    Row("A4", "who approved has lost the role", ("hs",), lambda s: (s.world.reload('"hs/@bob:hs.test" } roles = { "deployer" }', '"hs/@bob:hs.test" }'),
        s.place.say("bob", f"!approve {s.label}"), s.world.expect(s.place, "needs the role"), s.world.reload()), "needs the role deployer",
        (("refused", "bob", "needs the role deployer"),), waits(), bob_approves),
]


class Stage:
    """One attack: its room, and what was before."""

    def __init__(self, test, world, name, row):
        self.test, self.world, self.name, self.hs = test, world, name, world.hs
        self.place, self.honest = world.place(name, row.links[0]), world.place(name, row.links[-1])
        self.attacked = self.honest if row.story == "one's own yes on IRC" else self.place
        self.store = os.path.join(world.gateway.state, "sallyport.db")
        self.target, self.elsewhere = "prod", None
        if row.setup:
            row.setup(self)
            world.through(self.place)
        self.begin()

    def begin(self):
        """From here on it is the attack."""
        self.ran, self.jobs = self.world.ran(), self.world.begun()
        self.seq, self.said = self.world.last(), len(self.attacked.shows())

    def nothing_ran(self):
        self.test.assertEqual((self.world.ran(), self.world.begun()), (self.ran, self.jobs))

    def is_told(self, answer):
        if answer:
            self.world.expect(self.attacked, answer, self.said)
        self.world.through(self.attacked)
        said = [text for text in self.attacked.shows()[self.said:] if "pong end-" not in text]
        self.test.assertEqual(bool(said), bool(answer), said)
        if self.elsewhere:
            self.test.assertEqual(self.elsewhere.shows(), [])

    def is_audited(self, wanted):
        found = self.world.records(self.seq)
        self.test.assertEqual([(one["what"], one["person"]) for one in found], [(what, person) for what, person, _ in wanted], found)
        for one, (_, _, part) in zip(found, wanted):
            self.test.assertIn(part, f"{one['decision']} {one['result']}")

    def works(self, honest):
        seq = self.world.last()
        ran = honest(self)
        try:
            things.wait_until(lambda: [one for one in self.world.records(seq) if one["what"] == "ended"], 20, "the honest one to run")
        except AssertionError:
            self.test.fail(f"the honest one did not run: {self.honest.shows()[-5:]}")
        self.test.assertEqual(self.world.ran(), [*self.ran, ran])


class Attacks:
    """The rows that begin on one chat, with a gateway for all of them; each has its room."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.rows = {f"{row.id.lower()}-{i:02}": row for i, row in enumerate(TABLE) if (row.links[0] == "hs") == cls.on_matrix}
        cls.world = attacked.World({**{name: row.links for name, row in cls.rows.items()}, "elsewhere": ("hs",)})
        cls.addClassCleanup(cls.world.close)

    def stands(self, id):
        rows = [(name, row) for name, row in self.rows.items() if row.id == id]
        self.assertTrue(rows)
        for name, row in rows:
            with self.subTest(row.story):
                stage = Stage(self, self.world, name, row)
                row.do(stage)
                stage.is_told(row.answer)
                stage.nothing_ran()
                stage.is_audited(row.audit)
                if row.undo:
                    row.undo(stage)
                stage.works(row.honest)


class OnIrc(Attacks, unittest.TestCase):
    on_matrix = False

    def test_i1_who_is_proven_by_the_server_and_by_nothing_else(self):
        self.stands("I1")

    def test_i2_an_answer_of_whox_is_about_who_spoke(self):
        self.stands("I2")

    def test_i3_without_services_nobody_is_anybody(self):
        self.stands("I3")

    def test_i4_only_the_server_says_who_somebody_is(self):
        self.stands("I4")

    def test_i5_who_looks_like_services_is_a_stranger(self):
        self.stands("I5")


class OnMatrix(Attacks, unittest.TestCase):
    on_matrix = True

    def test_m1_who_looks_like_one_of_ours_is_not(self):
        self.stands("M1")

    def test_m2_only_in_our_rooms(self):
        self.stands("M2")

    def test_m3_strangers_invite_in_vain(self):
        self.stands("M3")

    def test_m4_what_is_no_command(self):
        self.stands("M4")

    def test_m5_what_is_old_or_told_again(self):
        self.stands("M5")

    def test_m6_who_is_gone_and_what_was_taken_back(self):
        self.stands("M6")

    def test_m7_power_in_a_room_is_no_right(self):
        self.stands("M7")

    def test_a1_what_runs_is_what_was_approved(self):
        self.stands("A1")

    def test_a2_nobody_says_their_own_yes(self):
        self.stands("A2")

    def test_a3_a_yes_that_is_none(self):
        self.stands("A3")

    def test_a4_too_late_or_no_right_any_more(self):
        self.stands("A4")


if __name__ == "__main__":
    unittest.main()
