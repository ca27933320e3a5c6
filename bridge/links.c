/* links: the accounts on chat servers that the configuration names: begun, kept up, renewed and ended with it. */
#include "bridge/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/talk.h"

enum {
	MENDED_BY_PEOPLE = 15 * 60,     /* s until a link is tried again that no retry mends */
	TELL_AFTER = 2 * 60 * 1000,     /* ms away after which the operators hear of it, once */
	BEGIN_AGAIN = 1000,             /* ms until one is begun again for which there was no task */
};

/* What only this file knows of a link. */
struct link_keeping {
	char *name;
	struct watch *patience;         /* runs while it is away */
	struct watch *again;            /* runs while there is no task to begin it with */
	bool told;                      /* the operators know that it is */
	uint64_t task;                  /* 0: not begun, or ended */
	struct snapshot *made_of;       /* the configuration that it was begun with: conf and nick */
	struct snapshot *snapshot;      /* the one in force: the rest */
	struct link *successor;         /* takes its place once it has ended */
	bool leaving;                   /* the configuration in force names it no more */
	bool gone;                      /* and it has ended */
	unsigned deliveries;            /* on their way through it */
	struct link *next;              /* in links->all: those that are named, and those that have not ended yet */
};

struct link *
links_find(const struct links *links, const char *name)
{
	for (size_t i = 0; i < links->count; i++)
		if (!strcmp(links->each[i]->name, name))
			return links->each[i];
	return NULL;
}

/* What the operators hear: a link that is away for a while, and that it is back. */

static void
tell_away(void *with, int events)
{
	struct link *link = with;
	struct arena *arena = arena_new();
	const char *since = clock_ago(arena, link->since, clock_wall());

	(void)events;
	link->keeping->told = true;
	operators_tell(&link->bridge->talk, card_new(arena, TONE_BAD, "%s is away since %s: %s What is meant for it waits", link->name, since, link->text),
		link->name);
	arena_free(arena);
}

static void
tell_back(struct link *link, int64_t away)
{
	struct outbox_waiting waiting = outbox_waiting(link->bridge->talk.outbox, link->name);
	struct arena *arena = arena_new();
	struct card *card = card_new(arena, TONE_GOOD, "%s is back after %s", link->name, clock_span(arena, away));

	link->keeping->told = false;
	if (waiting.count)
		card_fact(card, NULL, "%u message%s said there now", waiting.count, text_s(waiting.count));
	operators_tell(&link->bridge->talk, card, link->name);
	arena_free(arena);
}

/* What the protocols report. */

static void
link_set(struct link *link, enum link_state state, const char *format, va_list values)
{
	if (link->state != state)
		link->since = clock_wall();
	link->state = state;
	vsnprintf(link->text, sizeof link->text, format, values);
}

void
link_up(struct link *link, const char *format, ...)
{
	va_list values;

	int64_t away = link->state == LINK_AWAY ? clock_wall() - link->since : 0;

	va_start(values, format);
	link_set(link, LINK_UP, format, values);
	va_end(values);
	watch_off(link->keeping->patience);
	if (link->keeping->told)
		tell_back(link, away);
	link_heard(link);
	log_info("%s is up: %s", link->name, link->text);
	outbox_link_ready(link->bridge->talk.outbox, link->name);
}

void
link_away(struct link *link, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	bool first = link->state != LINK_AWAY;
	link_set(link, LINK_AWAY, format, values);
	va_end(values);
	if (first)
		watch_after(link->keeping->patience, TELL_AFTER);
	log_warning("%s is away: %s", link->name, link->text);
}

void
link_tell(struct link *link, const char *format, ...)
{
	struct arena *arena = arena_new();
	va_list values;

	va_start(values, format);
	char *sentence = arena_vprintf(arena, format, values);
	va_end(values);
	log_warning("%s: %s", link->name, sentence);
	operators_tell(&link->bridge->talk, card_new(arena, TONE_BAD, "%s: %s", link->name, sentence), NULL);
	arena_free(arena);
}

void
link_heard(struct link *link)
{
	link->heard = clock_wall();
}

/* A link's life. */

/* What may change while it is up. */
static void
point_to(struct link *link, const struct link_setup *setup)
{
	const struct bridge *bridge = link->bridge;
	const struct gateway *gateway = &bridge->setup->gateway;
	struct snapshot *before = link->keeping->snapshot;

	link->prefix = gateway->prefix;
	link->lines = (size_t)gateway->lines;
	link->channels = setup->channels;
	link->keeping->snapshot = bridge->talk.snapshot;
	snapshot_hold(link->keeping->snapshot);
	if (before)
		snapshot_release(before);
}

static void link_begin(struct link *);
static void begin(void *link, int events);

static struct link *
link_new(struct links *links, const struct link_setup *setup)
{
	struct link *link = memory_take(sizeof *link);

	*link = (struct link){ .protocol = setup->protocol, .engine = &links->bridge->engine, .bridge = links->bridge, .since = clock_wall(),
		.keeping = memory_take(sizeof *link->keeping) };
	link->name = link->keeping->name = memory_text(setup->name);
	link->keeping->patience = loop_timer(link->engine->loop, tell_away, link);
	link->keeping->again = loop_timer(link->engine->loop, begin, link);
	link->keeping->next = links->all;
	links->all = link;
	snprintf(link->text, sizeof link->text, "starting");
	link->conf = setup->conf;
	link->nick = links->bridge->setup->gateway.name;
	link->keeping->made_of = links->bridge->talk.snapshot;
	snapshot_hold(link->keeping->made_of);
	point_to(link, setup);
	return link;
}

static void
link_free(struct link *link)
{
	snapshot_release(link->keeping->snapshot);
	snapshot_release(link->keeping->made_of);
	watch_free(link->keeping->patience);
	watch_free(link->keeping->again);
	free(link->keeping->name);
	free(link->keeping);
	free(link);
}

static void
take_out(struct links *links, const struct link *link)
{
	struct link **at = &links->all;

	while (*at != link)
		at = &(*at)->keeping->next;
	*at = link->keeping->next;
}

/* What it read of the configuration goes with it, once no delivery is on its way back from it any more. */
static void
free_if_gone(struct link *link)
{
	if (!link->keeping->gone || link->keeping->deliveries)
		return;
	take_out(&link->bridge->links, link);
	link_free(link);
}

/* Whoever takes its place may come. One that is still named ends because the gateway does; links_close() frees it. */
static void
link_left(struct link *link)
{
	struct link *successor = link->keeping->successor;

	watch_off(link->keeping->patience);
	link->keeping->task = 0;
	link->keeping->gone = link->keeping->leaving;
	free_if_gone(link);
	if (successor)
		link_begin(successor);
}

static void
keep_link(struct task *task, void *with)
{
	struct link *link = with;

	while (!link->protocol->run(task, link) && !task->cancelled) {
		link_away(link, "%s Next try in 15 min.", task->error.text);
		if (!task_sleep(task, MENDED_BY_PEOPLE))
			break;
	}
	link_left(link);
}

/* While there is no task for it it waits, and the configuration may name it no more meanwhile. */
static void
begin(void *with, int events)
{
	struct link *link = with;

	(void)events;
	if (link->keeping->leaving) {
		link_left(link);
		return;
	}
	if (link->bridge->stopping)
		return;
	struct arena *arena = arena_new();
	link->keeping->task = task_start_reserved(link->engine, arena_printf(arena, "link %s", link->name), keep_link, link, NULL);
	arena_free(arena);
	if (link->keeping->task)
		return;
	link_away(link, "Too much is going on to begin. Next try in 1 s.");
	watch_after(link->keeping->again, BEGIN_AGAIN);
}

static void
link_begin(struct link *link)
{
	if (!link->keeping->leaving && !link->bridge->stopping)
		watch_after(link->keeping->patience, TELL_AFTER);
	begin(link, 0);
}

/* One that waits for its predecessor never begins. */
static void
link_end(struct link *link)
{
	log_info("%s leaves: the configuration says something else now.", link->name);
	link->keeping->leaving = true;
	task_cancel(link->engine, link->keeping->task);
}

/* All of them. */

void
links_open(struct links *links, struct bridge *bridge)
{
	const struct setup *setup = bridge->setup;

	*links = (struct links){ .bridge = bridge, .each = memory_take((setup->link_count + 1) * sizeof *links->each), .count = setup->link_count };
	for (size_t i = 0; i < setup->link_count; i++)
		links->each[i] = link_new(links, &setup->links[i]);
}

void
links_begin(struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		link_begin(links->each[i]);
}

static const struct link_setup *
setup_of(const struct setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->link_count; i++)
		if (!strcmp(setup->links[i].name, name))
			return &setup->links[i];
	return NULL;
}

/* Whether its connection may stay. The gateway's name is the nick of most links. */
static bool
stays(const struct link *link, const struct setup *before, const struct link_setup *now, const struct setup *after)
{
	const struct link_setup *then = setup_of(before, link->name);

	return link->protocol->renew && then && then->protocol == now->protocol && conf_same(then->in, then->section, now->in, now->section)
		&& !strcmp(before->gateway.name, after->gateway.name);
}

/* Whose end a new link of that name waits for: two at once would take each other's nick or socket. NULL: nobody's. It may be one that a
 * configuration before the last one named. */
static struct link *
predecessor(const struct links *links, const char *name)
{
	for (struct link *link = links->all; link; link = link->keeping->next)
		if (!link->keeping->gone && !link->keeping->successor && !strcmp(link->name, name))
			return link;
	return NULL;
}

size_t
links_renew(struct links *links, const struct setup *before)
{
	const struct setup *after = links->bridge->setup;
	struct links old = *links;
	size_t begun = 0;

	links->each = memory_take((after->link_count + 1) * sizeof *links->each);
	links->count = after->link_count;
	for (size_t i = 0; i < after->link_count; i++) {
		const struct link_setup *now = &after->links[i];
		struct link *link = links_find(&old, now->name);
		if (link && stays(link, before, now, after)) {
			links->each[i] = link;
			point_to(link, now);
			link->protocol->renew(link);
			continue;
		}
		struct link *before_it = predecessor(links, now->name);
		links->each[i] = link_new(links, now);
		begun++;
		if (before_it)
			before_it->keeping->successor = links->each[i];
		else
			link_begin(links->each[i]);
	}
	for (size_t i = 0; i < old.count; i++)
		if (links_find(links, old.each[i]->name) != old.each[i])
			link_end(old.each[i]);
	free(old.each);
	return begun;
}

bool
links_deliver(struct task *task, const struct links *links, const struct delivery *delivery, struct delivered *done)
{
	struct link *link = links_find(links, delivery->place.link);

	if (!link)
		return task_fail(task, "No link is called %s any more.", delivery->place.link);
	link->keeping->deliveries++;
	bool said = link->protocol->deliver(task, link, delivery, done);
	link->keeping->deliveries--;
	free_if_gone(link);
	return said;
}

bool
links_gone(struct task *task, const struct links *links, const struct place *place, const char *account)
{
	struct link *link = links_find(links, place->link);
	size_t length = strlen(place->link);

	/* Whose account is another chat's is not looked for in this one. */
	if (!link || !link->protocol->gone || link->state != LINK_UP || strncmp(account, place->link, length) || account[length] != '/')
		return false;
	link->keeping->deliveries++;
	bool gone = link->protocol->gone(task, link, place->channel, account);
	link->keeping->deliveries--;
	free_if_gone(link);
	return gone;
}

void
links_close(struct links *links)
{
	while (links->all) {
		struct link *link = links->all;
		links->all = link->keeping->next;
		link_free(link);
	}
	free(links->each);
}
