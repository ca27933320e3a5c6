/* inbox_route: POST /in/INSTANCE[/REST]: what a service sends to us, once it is proven that it is that service. PUT is the same: some change things so
 * that they made (Opsgenie).
 *
 * Whoever is not proven hears 401 whether there is such an instance or not, and after as long. A GET or a HEAD, as some services send one before
 * they begin (Trello), gets 200 wherever below /in/ it goes: that tells nothing either. */
#include "bridge/inbox_route.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/bridge.h"
#include "bridge/rights/sender.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox.h"
#include "bridge/work/webhook.h"

enum {
	PATIENCE = 10 * 1000,           /* ms that the commit may take */
	BUSY = 15,                      /* s that the sender is asked to wait when too much is still to be carried out */
	TYPE_MOST = 100,
};

enum { FINE = 200, PROVEN = 204, NOT_PROVEN = 401, OTHER_TYPE = 415, NOT_NOW = 503 };

static const struct instance *
instance_of(const struct bridge *bridge, const struct arrival *arrival)
{
	size_t length = strcspn(arrival->rest, "/");

	for (size_t i = 0; bridge->talk.instances[i]; i++) {
		const struct instance *instance = bridge->talk.instances[i];
		if (instance->webhook && strlen(instance->name) == length && !memcmp(instance->name, arrival->rest, length))
			return instance;
	}
	return NULL;
}

static const struct sender_settings *
settings_of(const struct instance *instance)
{
	return &((const struct webhook_settings *)(const void *)((const char *)instance->conf + instance->webhook->settings))->sender;
}

/* The arrival as its instance sees it: the path behind INSTANCE/. */
static struct arrival
behind(const struct arrival *arrival)
{
	struct arrival own = *arrival;
	size_t length = strcspn(arrival->rest, "/");

	own.rest += length + (arrival->rest[length] == '/');
	return own;
}

static bool
is_proven(const struct bridge *bridge, const struct instance *instance, const struct arrival *arrival)
{
	const struct hook_settings *hooks = bridge->setup->hooks;
	const struct arrival own = behind(arrival);
	const struct sender sender = { .ways = instance->webhook->ways, .settings = settings_of(instance), .proxies = hooks ? &hooks->proxy_ranges : NULL,
		.certificate_header = hooks ? hooks->certificate_header : NULL, .url = hooks ? hooks->url : NULL, .instance = instance->name,
		.now = clock_wall() / 1000 };

	return sender_proven(&sender, &own);
}

/* Without its parameters, in small letters. */
static void
read_type(const char *written, char out[TYPE_MOST])
{
	size_t length = 0;

	for (; written && *written && !strchr("; \t", *written) && length + 1 < TYPE_MOST; written++)
		out[length++] = (char)tolower((unsigned char)*written);
	out[length] = '\0';
}

/* JSON by any of its names, forms, and what is called nothing or plain text, as some senders do with JSON. */
static bool
is_type_taken(const char *type)
{
	static const char *const taken[] = { "", "application/json", "application/x-www-form-urlencoded", "text/plain", "text/json" };
	size_t length = strlen(type);

	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (!strcmp(type, taken[i]))
			return true;
	return length > 5 && !strcmp(type + length - 5, "+json");
}

static unsigned
allowed(const struct arrival *arrival, void *with)
{
	struct bridge *bridge = with;
	const struct instance *instance = instance_of(bridge, arrival);
	char type[TYPE_MOST];

	if (!instance)
		sender_decoy(arrival);
	if (!instance || !is_proven(bridge, instance, arrival)) {
		inbox_refused(bridge->inbox, instance ? instance->name : NULL);
		log_info("A webhook from %s to %s was refused: it is not proven.", arrival->peer, instance ? instance->name : "no service of ours");
		return NOT_PROVEN;
	}
	read_type(arrival_header(arrival, "Content-Type"), type);
	return is_type_taken(type) ? FINE : OTHER_TYPE;
}

/* Of the headers those that are wanted later. */
static const struct named *
kept_headers(struct arena *arena, const struct webhook *webhook, const struct arrival *arrival, size_t *count)
{
	size_t most = 0;

	for (*count = 0; webhook->keep && webhook->keep[most];)
		most++;
	struct named *kept = arena_take(arena, (most + 1) * sizeof *kept);
	for (size_t i = 0; i < most; i++) {
		const char *value = arrival_header(arrival, webhook->keep[i]);
		if (value)
			kept[(*count)++] = (struct named){ webhook->keep[i], value };
	}
	return kept;
}

/* What is kept of it; no secret is. */
static struct posted
post(struct arena *arena, const struct instance *instance, const struct arrival *own)
{
	const struct webhook *webhook = instance->webhook;
	const struct sender_settings *settings = settings_of(instance);
	char *type = arena_take(arena, TYPE_MOST), *body = arena_slice(arena, own->body, own->length);
	struct posted posted = { .instance = instance->name, .name = webhook->id ? arrival_header(own, webhook->id) : NULL, .once = webhook->once,
		.rest = arena_slice(arena, own->rest, sender_rest(settings, own)), .type = type, .body = body, .length = own->length, .arrived = clock_wall() };

	read_type(arrival_header(own, "Content-Type"), type);
	sender_hide(settings, body, own->length);
	posted.headers = kept_headers(arena, webhook, own, &posted.header_count);
	return posted;
}

bool
inbox_hear(struct task *task, const struct bridge *bridge, const struct instance *instance, const struct posted *posted, struct webhook_answer *out)
{
	const struct received received = { .talk = &bridge->talk, .instance = instance, .rest = posted->rest, .headers = posted->headers,
		.header_count = posted->header_count, .type = posted->type, .body = posted->body, .length = posted->length, .arrived = posted->arrived };

	*out = instance->webhook->answer;
	return !instance->webhook->hear || instance->webhook->hear(task->arena, &received, out);
}

static void
reply(const struct webhook_answer *with, struct answer *answer)
{
	answer->status = with->status ? with->status : FINE;
	answer->bytes = with->text ? with->text : "";
	answer->length = strlen(answer->bytes);
	answer->type = with->type;
}

static void
run(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	struct bridge *bridge = with;
	const struct instance *instance = instance_of(bridge, arrival);
	const struct arrival own = behind(arrival);
	struct webhook_answer heard;
	enum inbox_taken taken;

	if (!instance) {
		answer->status = NOT_PROVEN;
		return;
	}
	if (arrival_header(arrival, INBOX_TEST)) {
		answer->status = PROVEN;
		answer->bytes = "";
		return;
	}
	talk_hold(task, &bridge->talk);
	const struct posted posted = post(task->arena, instance, &own);
	if (!inbox_hear(task, bridge, instance, &posted, &heard)) {
		reply(&heard, answer);
		return;
	}
	if (!inbox_take(task, bridge->inbox, &posted, &taken)) {
		log_warning("A webhook to %s was not taken: %s", instance->name, task->error.text);
		answer->status = NOT_NOW;
	} else if (taken == INBOX_FULL) {
		answer->status = NOT_NOW;
		answer->retry = BUSY;
	} else
		reply(&heard, answer);
}

const struct hook_route inbox_route = { "POST", "in", true, PATIENCE, allowed, run };
const struct hook_route inbox_put_route = { "PUT", "in", true, PATIENCE, allowed, run };

static unsigned
look_allowed(const struct arrival *arrival, void *with)
{
	(void)arrival, (void)with;
	return FINE;
}

static void
look(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	static const char text[] = "Webhooks are sent here by POST.\n";

	(void)task, (void)arrival, (void)with;
	*answer = (struct answer){ .status = FINE, .bytes = text, .length = sizeof text - 1 };
}

const struct hook_route inbox_look_route = { "GET", "in", false, PATIENCE, look_allowed, look };
