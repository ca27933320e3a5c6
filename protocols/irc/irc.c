/* irc: IRC as a protocol: keeps a link to one network, and says there what is to be said. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/network.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/prove.h"
#include "protocols/irc/say.h"
#include "protocols/irc/wire.h"

/* -- Being there ------------------------------------------------------------------------------------------------------ */

static void
pass_on(struct task *task, struct presence *at)
{
	struct ear *ear;

	while (!at->down && !task->cancelled && (ear = presence_heard(at))) {
		prove_end(at, ear);
		if (!bridge_hear(task, at->link, &ear->message, 1, NULL))
			log_warning("%s: what %s said could not be taken: %s", at->link->name, ear->message.from.shown, task->error.text);
		ear_free(ear);
	}
}

/* One connection, from dialling to its end. */
static void
visit(struct task *task, struct presence *at)
{
	network_begin(at);
	while (!at->down && !task->cancelled) {
		pass_on(task, at);
		if (!at->down && !task_park(task))
			break;
	}
}

/* Of a ban people are told once, and not at every try: it may last for weeks. */
static void
tell_away(struct task *task, struct presence *at, int64_t wait)
{
	struct irc_server next;
	bool told = at->told_ban && !at->here;

	at->told_ban = told || at->banned;
	if (at->banned && told)
		return;
	if (at->banned)
		link_away(at->link, "%s I try again by myself, up to every 15 min, until it is lifted.", at->why.text);
	else if (wait == 0 && irc_settings_server(at->irc, at->backoff.at, &next))
		link_away(at->link, "%s Trying %s now.", at->why.text, next.host);
	else
		link_away(at->link, "%s Next try in %s.", at->why.text, clock_span(task->arena, wait));
}

static bool
wait_to_retry(struct task *task, struct presence *at)
{
	uint32_t chance;

	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint32_t)clock_mono();
	int64_t wait = backoff_next(&at->backoff, at->banned, at->here ? clock_mono() - at->here : 0, chance);
	tell_away(task, at, wait);
	return task_pause(task, wait);
}

static bool
keep(struct task *task, struct presence *at)
{
	while (!task->cancelled) {
		visit(task, at);
		struct error why = at->why;
		bool hopeless = at->hopeless && at->down;
		network_end(at, task->cancelled);
		if (task->cancelled)
			break;
		if (hopeless)
			return task_fail(task, "%s", why.text);
		if (!wait_to_retry(task, at))
			break;
	}
	return true;
}

static bool
run(struct task *task, struct link *link)
{
	const struct irc *irc = link->conf;
	struct error error;
	struct presence *at = presence_new(link, task->id, &error);

	if (!at)
		return task_fail(task, "%s", error.text);
	if (!irc->tls)
		log_warning("%s: the connection to %s is not encrypted.", link->name, irc->servers.each[0]);
	link->own = at;
	bool fine = keep(task, at);
	link->own = NULL;
	presence_free(at);
	return fine;
}

static void
renew(struct link *link)
{
	if (link->own)
		presence_renew(link->own);
}

/* -- Saying something ------------------------------------------------------------------------------------------------- */

static struct said
draw(struct task *task, const struct link *link, const struct presence *at, const struct channel *channel, const struct delivery *delivery)
{
	const struct say say = { .target = delivery->place.channel, .lines = link->lines, .prefix = presence_prefix(at), .colour = at->irc->colour,
		.message = !strcmp(at->irc->answers, "message"), .again = delivery->again, .nick = at->nick,
		.channels = &at->channels, .channel = channel };

	return say_card(task->arena, &say, delivery->card);
}

/* All lines of a card leave together, so that nobody's come between them. */
static bool
put(struct task *task, struct presence *at, struct waiter *waiter, const struct said *said)
{
	struct written line;

	while (!waiter->lost && !wire_room(at->wire, said->count + 1))
		if (!task_park(task))
			return false;
	if (waiter->lost)
		return task_fail(task, "The connection was lost before it was said.");
	for (size_t i = 0; i < said->count; i++)
		if (!line_say(&line, presence_prefix(at), said->each[i].command, waiter->target, said->each[i].text))
			return task_fail(task, "It could not be said to %s: that is no name for somebody on IRC, or a line end was in it.", waiter->target);
	for (size_t i = 0; i < said->count; i++) {
		line_say(&line, presence_prefix(at), said->each[i].command, waiter->target, said->each[i].text);
		wire_later(at->wire, &line);
	}
	waiter->put = true;
	return true;
}

/* The server answers a PING in its turn: then it has read what stood before it. */
static bool
prove(struct task *task, struct presence *at, struct waiter *waiter)
{
	struct written line;

	if (!line_write(&line, 0, "PING", &waiter->txn, 1))
		return task_fail(task, "\"%s\" cannot prove that something was said.", waiter->txn);
	wire_after(at->wire, &line);
	while (!waiter->lost && !waiter->proven)
		if (!task_park(task))
			return false;
	if (!waiter->proven)
		return task_fail(task, "The connection was lost before the server had it for certain.");
	return !*waiter->refused.text || task_fail(task, "%s", waiter->refused.text);
}

static bool
deliver(struct task *task, struct link *link, const struct delivery *delivery, const char **id)
{
	struct presence *at = link->own;
	const char *target = delivery->place.channel;

	*id = NULL;
	if (!at || at->stage != STAGE_HERE)
		return task_fail(task, "%s is away.", link->name);
	const struct channel *channel = channels_find(&at->channels, target);
	if (strchr("#&+!", *target) && (!channel || channel->state != CHANNEL_IN))
		return task_fail(task, "I am not in %s%s%s.", target, channel && *channel->why ? ": " : "", channel ? channel->why : "");

	struct said said = draw(task, link, at, channel, delivery);
	struct waiter waiter = { .task = task->id, .target = target, .txn = delivery->txn };
	presence_wait(at, &waiter);
	bool fine = put(task, at, &waiter, &said) && (!delivery->txn || prove(task, at, &waiter));
	if (!waiter.lost)
		presence_leave(at, &waiter);
	return fine;
}

const struct protocol protocol_irc = {
	.name = "irc",
	.about = "An IRC network, as an ordinary client: verified TLS, SASL, and people known by their services accounts.",
	.can = 0,
	.caseless = true,
	.conf_size = sizeof(struct irc),
	.settings = irc_settings,
	.check = irc_settings_check,
	.run = run,
	.renew = renew,
	.deliver = deliver,
	.place = name_channel,
};
