/* report: what the gateway says about itself: its status. */
#include "config.h"

#include "bridge/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/bridge.h"
#include "bridge/run/follow.h"
#include "bridge/run/hook.h"
#include "bridge/run/http.h"
#include "bridge/run/store.h"
#include "bridge/setup.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/work/command.h"
#include "bridge/work/lock.h"
#include "bridge/work/pause.h"
#include "bridge/work/waiting.h"

/* Status, for people. */

static void
say_link(const struct bridge *bridge, struct arena *arena, const struct link *link, struct text *out)
{
	struct outbox_waiting waiting = outbox_waiting(bridge->talk.outbox, link->name);
	int64_t now = clock_wall();

	text_printf(out, "%-8s %-5s %s", link->name, link->state == LINK_UP ? "ok" : "away", link->text);
	if (link->state == LINK_AWAY)
		text_printf(out, ", since %s", clock_ago(arena, link->since, now));
	else if (link->heard)
		text_printf(out, ", heard %s ago", clock_span(arena, now - link->heard));
	if (waiting.count)
		text_printf(out, ", %u message%s wait%s, the oldest %s", waiting.count, text_s(waiting.count), waiting.count == 1 ? "s" : "",
			clock_span(arena, now - waiting.oldest));
	text_add(out, "\n");
}

static void
say_instance(const struct bridge *bridge, struct arena *arena, const struct instance *instance, struct text *out)
{
	struct http_health health;
	int64_t now = clock_wall();
	const char *origin = instance->url ? url_origin(arena, instance->url) : NULL;

	text_printf(out, "%-8s ", instance->name);
	if (!origin)
		text_printf(out, "ok    %s, on this machine\n", instance->service);
	else if (!http_health(bridge->engine.http, origin, &health))
		text_printf(out, "-     %s, not asked yet\n", instance->service);
	else if (health.trouble[0])
		text_printf(out, "away  %s, %s\n", instance->service, health.trouble);
	else
		text_printf(out, "ok    %s, answered %s ago\n", instance->service, clock_span(arena, now - health.answered));
}

static void
say_hooks(const struct bridge *bridge, struct text *out)
{
	const struct hook_settings *settings = bridge->setup->hooks;
	struct hook_report hook;

	if (hook_report(bridge->hook, &hook))
		text_printf(out, "%-8s ok    on %s, reached as %s, %zu connected, %" PRIu64 " served, %" PRIu64 " refused\n", "hooks", hook.listen,
			settings ? settings->url : "-", hook.connections, hook.served, hook.refused);
	else if (settings)
		text_printf(out, "%-8s away  nothing listens on %s; the log tells why\n", "hooks", settings->listen);
}

static void
say_status(const struct bridge *bridge, struct arena *arena, struct text *out)
{
	int64_t now = clock_wall();
	struct outbox_waiting unsaid = outbox_waiting(bridge->talk.outbox, NULL);
	struct error why;

	text_printf(out, "sallyport %s, up %s, configuration of %s\n", PACKAGE_VERSION, clock_span(arena, now - bridge->began),
		clock_time(arena, bridge->setup->read, now));
	if (*bridge->refused)
		text_printf(out, "A newer one was refused at %s: %s\n", clock_time(arena, bridge->refused_at, now), bridge->refused);
	for (size_t i = 0; i < bridge->links.count; i++)
		say_link(bridge, arena, bridge->links.each[i], out);
	for (size_t i = 0; bridge->talk.instances[i]; i++)
		say_instance(bridge, arena, bridge->talk.instances[i], out);
	say_hooks(bridge, out);
	if (pause_why(bridge->talk.pause, arena))
		text_printf(out, "Paused: %s\n", pause_why(bridge->talk.pause, arena));
	for (size_t i = 0; i < locks_count(bridge->talk.locks); i++)
		text_printf(out, "Locked: %s\n", locks_text(bridge->talk.locks, arena, i));
	text_printf(out, "Work: %u followed, %zu waiting for a yes, %u unsaid.   Store: ", follows_count(bridge->talk.follows, NULL),
		approvals_count(bridge->talk.approvals), unsaid.count);
	if (store_failing(bridge->engine.store, &why))
		text_printf(out, "failing: %s\n", why.text);
	else
		text_add(out, "ok\n");
}

/* Status, for a room. */

/* "corp ok, hq ok (2 s ago)": each link; why one is away. */
static void
add_links(struct card *card, const struct bridge *bridge, struct arena *arena)
{
	int64_t now = clock_wall();

	for (size_t i = 0; i < bridge->links.count; i++) {
		const struct link *link = bridge->links.each[i];
		if (link->state == LINK_UP)
			card_fact(card, NULL, "%s ok (%s ago)", link->name, clock_span(arena, now - link->heard));
		else
			card_fact(card, NULL, "%s away since %s: %s", link->name, clock_ago(arena, link->since, now), link->text);
	}
}

/* Those that answer in a word, each of the others with its trouble. */
static void
add_services(struct card *card, const struct bridge *bridge, struct arena *arena)
{
	struct text fine = text_in(arena, 300);

	for (size_t i = 0; bridge->talk.instances[i]; i++) {
		const struct instance *instance = bridge->talk.instances[i];
		const char *origin = instance->url ? url_origin(arena, instance->url) : NULL;
		struct http_health health;
		if (origin && http_health(bridge->engine.http, origin, &health) && health.trouble[0])
			card_fact(card, NULL, "%s away: %s", instance->name, health.trouble);
		else
			text_printf(&fine, "%s%s", fine.length ? " " : "", instance->name);
	}
	if (fine.length)
		card_fact(card, NULL, "%s ok", fine.bytes);
}

/* Where it listens is nothing that a room needs. */
static void
add_hooks(struct card *card, const struct bridge *bridge)
{
	const struct hook_settings *settings = bridge->setup->hooks;
	struct hook_report hook;

	if (!settings)
		return;
	if (hook_report(bridge->hook, &hook))
		card_fact(card, NULL, "hooks ok (%s), %" PRIu64 " served, %" PRIu64 " refused", settings->url, hook.served, hook.refused);
	else
		card_fact(card, NULL, "hooks away: nothing listens on %s", settings->listen);
}

struct card *
report_gateway(struct arena *arena, void *with)
{
	const struct bridge *bridge = with;
	struct outbox_waiting unsaid = outbox_waiting(bridge->talk.outbox, NULL);
	unsigned followed = follows_count(bridge->talk.follows, NULL);
	const char *paused = pause_why(bridge->talk.pause, arena);
	struct error why;
	bool failing = store_failing(bridge->engine.store, &why);
	struct card *card = card_new(arena, failing || paused ? TONE_WAITING : TONE_PLAIN, "Up %s, %s",
		clock_span(arena, clock_wall() - bridge->began), PACKAGE_VERSION);

	if (paused)
		card_fact(card, NULL, "%s", paused);
	for (size_t i = 0; i < locks_count(bridge->talk.locks); i++)
		card_fact(card, "Locked", "%s", locks_text(bridge->talk.locks, arena, i));
	if (failing)
		card_fact(card, NULL, "the store fails: %s", why.text);
	add_links(card, bridge, arena);
	card_fact(card, NULL, "%zu room%s", bridge->talk.rooms->count, text_s(bridge->talk.rooms->count));
	if (followed)
		card_fact(card, NULL, "%u followed", followed);
	if (approvals_count(bridge->talk.approvals))
		card_fact(card, NULL, "%zu waiting for a yes", approvals_count(bridge->talk.approvals));
	if (unsaid.count)
		card_fact(card, NULL, "%u unsaid", unsaid.count);
	else
		card_fact(card, NULL, "nothing unsaid");
	add_services(card, bridge, arena);
	add_hooks(card, bridge);
	return card;
}

/* Status, for programs. */

static struct json_object *
hooks_json(const struct bridge *bridge, struct arena *arena)
{
	const struct hook_settings *settings = bridge->setup->hooks;
	struct json_object *hooks = json_new_object(arena);
	struct hook_report hook = { 0 };
	bool listens = hook_report(bridge->hook, &hook);

	json_set(hooks, "state", listens ? "ok" : "away");
	json_set(hooks, "listen", listens ? hook.listen : settings->listen);
	json_set(hooks, "url", settings->url);
	json_set_integer(hooks, "connections", (int64_t)hook.connections);
	json_set_integer(hooks, "served", (int64_t)hook.served);
	json_set_integer(hooks, "refused", (int64_t)hook.refused);
	return hooks;
}

static void
say_status_json(const struct bridge *bridge, struct arena *arena, struct text *out)
{
	struct json_object *status = json_new_object(arena), *links = json_new_object(arena), *services = json_new_object(arena);
	struct error why;

	json_set(status, "version", PACKAGE_VERSION);
	json_set_integer(status, "up_ms", clock_wall() - bridge->began);
	json_set_integer(status, "configuration", bridge->setup->read);
	json_set(status, "refused", *bridge->refused ? bridge->refused : NULL);
	for (size_t i = 0; i < bridge->links.count; i++) {
		const struct link *link = bridge->links.each[i];
		struct outbox_waiting waiting = outbox_waiting(bridge->talk.outbox, link->name);
		struct json_object *one = json_new_object(arena);
		json_set(one, "state", link->state == LINK_UP ? "ok" : "away");
		json_set(one, "text", link->text);
		json_set_integer(one, "since", link->since);
		json_set_integer(one, "heard", link->heard);
		json_set_integer(one, "unsaid", waiting.count);
		json_object_object_add(links, link->name, json_object_get(one));
	}
	for (size_t i = 0; bridge->talk.instances[i]; i++) {
		const struct instance *instance = bridge->talk.instances[i];
		struct json_object *one = json_new_object(arena);
		struct http_health health = { 0 };
		if (instance->url)
			http_health(bridge->engine.http, url_origin(arena, instance->url), &health);
		json_set(one, "service", instance->service);
		json_set(one, "trouble", health.trouble);
		json_set_integer(one, "answered", health.answered);
		json_object_object_add(services, instance->name, json_object_get(one));
	}
	json_object_object_add(status, "links", json_object_get(links));
	json_object_object_add(status, "services", json_object_get(services));
	if (bridge->setup->hooks)
		json_object_object_add(status, "hooks", json_object_get(hooks_json(bridge, arena)));
	json_object_object_add(status, "locks", json_object_get(locks_json(bridge->talk.locks, arena)));
	json_set_integer(status, "followed", follows_count(bridge->talk.follows, NULL));
	json_set_integer(status, "approvals", (int64_t)approvals_count(bridge->talk.approvals));
	json_set(status, "store", store_failing(bridge->engine.store, &why) ? why.text : "ok");
	text_printf(out, "%s\n", json_write(status));
}

void
report_status(const struct bridge *bridge, struct arena *arena, bool json, struct text *out)
{
	if (json)
		say_status_json(bridge, arena, out);
	else
		say_status(bridge, arena, out);
}
