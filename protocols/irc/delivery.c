/* delivery: saying something on IRC, and the proof that it was said. */
#include "protocols/irc/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/say.h"
#include "protocols/irc/wire.h"

enum { DROPPED_TOLD = 60 * 1000 };       /* ms between two warnings that answers were dropped */

/* -- Its lines -------------------------------------------------------------------------------------------------------- */

static struct said
draw(struct task *task, const struct link *link, const struct presence *at, const struct channel *channel, const struct delivery *delivery)
{
	const struct login *login = &at->login;
	bool whole = (login->has & CAP_MULTILINE) && (login->has & CAP_BATCH) && !delivery->spare;
	const struct say say = { .target = delivery->place.channel, .lines = link->lines, .prefix = presence_prefix(at), .most = presence_line(at),
		.colour = at->irc->colour, .message = !strcmp(at->irc->answers, "message"), .again = delivery->again,
		.whole_bytes = whole ? login->multiline.bytes : 0, .whole_lines = login->multiline.lines, .nick = at->nick,
		.channels = &at->channels, .channel = channel };

	return delivery->op == DELIVERY_TALK ? say_talk(task->arena, &say, delivery->talk) : say_card(task->arena, &say, delivery->card);
}

static bool
takes_labels(const struct presence *at, const struct delivery *delivery)
{
	return delivery->txn && (at->login.has & CAP_LABELED_RESPONSE) && (at->login.has & CAP_BATCH)
		&& strlen(delivery->txn) <= SAID_LABEL_MOST;
}

/* Whoever we do not know gets what is left over, so that they cannot keep anybody waiting (threats L2). */
static void
put_spare(struct presence *at, const struct written *line, bool goes_on)
{
	int64_t now = clock_mono();

	if (wire_spare(at->wire, line, goes_on) || (at->dropped && now - at->dropped < DROPPED_TOLD))
		return;
	at->dropped = now;
	log_warning("Strangers on %s ask for more than it lets me say; the oldest of their answers are dropped.", at->link->name);
}

/* All lines of a card leave together, so that nobody's come between them; one that is none keeps all of them back. */
static bool
put(struct task *task, struct presence *at, struct waiter *waiter)
{
	size_t count = said_lines(waiter->said);
	struct written line;

	while (!waiter->spare && !waiter->lost && !wire_room(at->wire, count + 1))
		if (!task_park(task))
			return false;
	if (waiter->lost)
		return task_fail(task, "The connection was lost before it was said.");
	const struct envelope envelope = { .target = waiter->target, .label = waiter->labelled ? waiter->txn : NULL, .batch = waiter->batch,
		.prefix = presence_prefix(at), .most = presence_line(at) };
	for (size_t i = 0; i < count; i++)
		if (!said_write(&line, &envelope, waiter->said, i))
			return task_fail(task, "It could not be said to %s: that is no name for somebody on IRC, or a line end or another control character was in it.", waiter->target);
	for (size_t i = 0; i < count; i++) {
		said_write(&line, &envelope, waiter->said, i);
		/* Servers take nothing else while a batch is open. */
		if (waiter->spare)
			put_spare(at, &line, i > 0);
		else if (i && waiter->said->whole)
			wire_along(at->wire, &line);
		else
			wire_later(at->wire, &line);
	}
	waiter->put = true;
	return true;
}

/* -- The proof -------------------------------------------------------------------------------------------------------- */

struct late {
	const struct engine *engine;
	uint64_t task;
	bool over;
};

static void
be_late(void *with, int events)
{
	struct late *late = with;

	(void)events;
	late->over = true;
	task_wake(late->engine, late->task);
}

/* The server answers a PING in its turn: then it has read what stood before it. */
static bool
ask(struct task *task, struct presence *at, const struct waiter *waiter)
{
	struct written line;

	if (!line_write(&line, 0, "PING", &waiter->txn, 1))
		return task_fail(task, "\"%s\" cannot prove that something was said.", waiter->txn);
	wire_after(at->wire, &line);
	return true;
}

/* A label is answered by itself; a server that forgets to is asked like one that knows none. */
static bool
await_proof(struct task *task, struct presence *at, struct waiter *waiter)
{
	struct late late = { at->engine, task->id, false };
	struct watch *clock = loop_timer(at->engine->loop, be_late, &late);
	bool asked = !waiter->labelled, fine = !asked || ask(task, at, waiter);

	if (!asked)
		watch_after(clock, at->irc->patience);
	while (fine && !waiter->lost && !waiter->proven) {
		if (late.over && !asked) {
			asked = true;
			fine = ask(task, at, waiter);
		}
		fine = fine && task_park(task);
	}
	watch_free(clock);
	return fine;
}

static bool
prove(struct task *task, struct presence *at, struct waiter *waiter)
{
	if (!await_proof(task, at, waiter))
		return false;
	if (!waiter->proven)
		return task_fail(task, "The connection was lost before the server had it for certain.");
	return !*waiter->refused.text || task_fail(task, "%s", waiter->refused.text);
}

bool
delivery_say(struct task *task, struct link *link, const struct delivery *delivery, struct delivered *done)
{
	struct presence *at = link->own;
	const char *target = delivery->place.channel;

	(void)done;             /* IRC gives no ids, and whatever was refused may be taken another time */
	if (!at || at->stage != STAGE_HERE)
		return task_fail(task, "%s is away.", link->name);
	const struct channel *channel = channels_find(&at->channels, target);
	if (strchr("#&+!", *target) && (!channel || channel->state != CHANNEL_IN))
		return task_fail(task, "I am not in %s%s%s.", target, channel && *channel->why ? ": " : "", channel ? channel->why : "");

	struct said said = draw(task, link, at, channel, delivery);
	struct waiter waiter = { .task = task->id, .target = target, .txn = delivery->txn, .said = &said, .labelled = takes_labels(at, delivery),
		.spare = delivery->spare };
	snprintf(waiter.batch, sizeof waiter.batch, "s%lu", ++at->batches_said);
	presence_wait(at, &waiter);
	bool fine = put(task, at, &waiter) && (!delivery->txn || prove(task, at, &waiter));
	if (!waiter.lost)
		presence_leave(at, &waiter);
	return fine;
}

/* -- What the server says of it --------------------------------------------------------------------------------------- */

static void
settle(struct presence *at, struct waiter *waiter)
{
	if (waiter->proven)
		return;
	waiter->proven = true;
	task_wake(at->engine, waiter->task);
}

static void
refuse(struct presence *at, struct waiter *waiter, const char *why)
{
	struct arena *arena = arena_new();

	if (!*waiter->refused.text)
		error_set(&waiter->refused, "%s did not take it for %s: %s.", at->link->name, waiter->target,
			text_cut(arena, text_clean(arena, why, strlen(why)), 200));
	arena_free(arena);
}

/* One of its lines, or the whole batch, is known to have been taken or refused. */
static void
answer(struct presence *at, struct waiter *waiter, size_t i)
{
	struct said *said = waiter->said;
	size_t left = 0;

	said->each[i].answered = true;
	for (size_t j = 0; j < said->count && !said->whole; j++)
		left += !said->each[j].answered;
	if (!left)
		settle(at, waiter);
}

/* Whose line carried that label; NULL: nobody's who still waits for it. */
static struct waiter *
labelled(const struct presence *at, const char *label, size_t *i)
{
	const char *dot = strrchr(label, '.');

	for (struct waiter *waiter = dot ? at->waiters : NULL; waiter; waiter = waiter->next) {
		if (!waiter->labelled || !waiter->put || strlen(waiter->txn) != (size_t)(dot - label) || memcmp(waiter->txn, label, (size_t)(dot - label)))
			continue;
		*i = strtoul(dot + 1, NULL, 10);
		return *i < waiter->said->count ? waiter : NULL;
	}
	return NULL;
}

static bool
is_refusal(const struct irc_line *line)
{
	int number = atoi(line->command);

	return (number >= 400 && number < 600) || number == 716 || !strcmp(line->command, "FAIL");
}

static bool
is_talk(const struct irc_line *line)
{
	return !strcmp(line->command, "PRIVMSG") || !strcmp(line->command, "NOTICE");
}

/* In a batch of several answers only the end of it, or our own words, say that it was taken. */
static bool
is_acceptance(const struct irc_line *line, bool alone)
{
	if (!strcmp(line->command, "BATCH"))
		return *line_param(line, 0) == '-' || !strcmp(line_param(line, 1), "draft/multiline");
	return alone || is_talk(line) || !strcmp(line->command, "ACK");
}

/* The label that the line answers: its own, that of the batch which it is in, or of the one that it ends. */
static bool
label_of(struct presence *at, char label[LINE_LABEL_MOST + 1], bool *alone)
{
	const struct irc_line *line = &at->line;
	bool ends = !strcmp(line->command, "BATCH") && *line_param(line, 0) == '-';
	const struct batch *batch = ends ? batch_named(&at->batches, line_param(line, 0) + 1) : batch_of(&at->batches, line);

	*alone = line_tag(line, "label", label, LINE_LABEL_MOST + 1);
	if (!*alone && batch)
		memcpy(label, batch->label, LINE_LABEL_MOST + 1);
	return *alone || (batch && *label);
}

/* True: a waiter has heard of it. */
static bool
take_label(struct presence *at)
{
	char label[LINE_LABEL_MOST + 1];
	bool alone;
	size_t i;
	struct waiter *waiter = label_of(at, label, &alone) ? labelled(at, label, &i) : NULL;

	if (!waiter)
		return false;
	if (is_refusal(&at->line))
		refuse(at, waiter, line_last(&at->line));
	if (is_refusal(&at->line) || is_acceptance(&at->line, alone))
		answer(at, waiter, i);
	return true;
}

static bool
is_from_us(const struct presence *at)
{
	char nick[NAME_MOST + 1];

	return name_of(at->line.prefix, nick) && name_same(nick, at->nick, at->channels.how);
}

/* The words of ours that came back as they were; what the server changed in them, the PONG behind them proves. */
static void
take_echo(struct presence *at)
{
	const char *target = line_param(&at->line, 0), *text = line_last(&at->line);

	for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next) {
		if (!waiter->put || !waiter->txn || waiter->labelled || waiter->proven || !name_same(waiter->target, target, at->channels.how))
			continue;
		for (size_t i = 0; i < waiter->said->count; i++)
			if (!waiter->said->each[i].answered && !strcmp(waiter->said->each[i].text, text)) {
				answer(at, waiter, i);
				return;
			}
	}
}

bool
delivery_answered(struct presence *at)
{
	const struct irc_line *line = &at->line;
	bool echo = is_talk(line) && is_from_us(at), known = at->waiters && take_label(at);

	if (echo && !known && (at->login.has & CAP_ECHO_MESSAGE))
		take_echo(at);
	return echo || !strcmp(line->command, "ACK") || (known && is_refusal(line) && strcmp(line->command, "FAIL"));
}

void
delivery_ponged(struct presence *at, const char *token)
{
	struct waiter *answered = at->waiters;

	while (answered && !(answered->put && answered->txn && !strcmp(answered->txn, token)))
		answered = answered->next;
	/* What was said before it has arrived too; of what carries labels each is answered for itself. */
	for (struct waiter *waiter = answered ? at->waiters : NULL; waiter; waiter = waiter == answered ? NULL : waiter->next)
		if (waiter->put && (!waiter->labelled || waiter == answered))
			settle(at, waiter);
}

bool
delivery_refused(struct presence *at, const char *target, const char *why)
{
	for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next) {
		bool meant = target ? !waiter->labelled && name_same(waiter->target, target, at->channels.how) : waiter->said->whole;
		if (!waiter->put || *waiter->refused.text || !meant)
			continue;
		refuse(at, waiter, why);
		/* A label that was broken off is never answered. */
		if (waiter->labelled)
			settle(at, waiter);
		return true;
	}
	return false;
}
