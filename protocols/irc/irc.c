/* irc: IRC as a protocol: keeps a link to one network. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "bridge/talk/outbox.h"
#include "protocols/irc/delivery.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/network.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/prove.h"
#include "protocols/irc/say.h"

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

/* In a room, by a server that puts as much before each line as they mostly do. */
static const char *
drawn(struct arena *arena, const struct card *card)
{
	const struct say say = { .target = "#room", .prefix = 80 };
	const struct said said = say_card(arena, &say, card);
	struct text out = text_in(arena, 16 * 1024);

	for (size_t i = 0; i < said.count; i++)
		text_printf(&out, "%s\n", said.each[i].text);
	return out.bytes;
}

const struct protocol protocol_irc = {
	.name = "irc",
	.about = "An IRC network, as an ordinary client: verified TLS, SASL, and people known by their services accounts.",
	.shown = "IRC",
	.can = CAN_TALK,
	.caseless = true,
	.conf_size = sizeof(struct irc),
	.settings = irc_settings,
	.check = irc_settings_check,
	.run = run,
	.renew = renew,
	.deliver = delivery_say,
	.place = name_channel,
	.drawn = drawn,
};
