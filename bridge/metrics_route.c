/* metrics_route: GET /metrics: what there is to count, in the text format of Prometheus (0.0.4). */
#include "config.h"

#include "bridge/metrics_route.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/bridge.h"
#include "bridge/health_route.h"
#include "bridge/rights/audit.h"
#include "bridge/run/follow.h"
#include "bridge/run/http.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/talk/outbox.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox.h"
#include "bridge/work/waiting.h"

enum {
	PATIENCE = 5000,                /* ms */
	SAID_MOST = 1 << 20,
	RECORDS_MOST = 20000,           /* of the audit, that are read at once */
};

enum { FINE = 200, NOT_FOUND = 404 };

/* What becomes of commands, by the words of audit_result(). */
static const char *const outcomes[] = { "allowed", "refused", "done", "failed", "unknown" };

enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

struct metrics {
	uint64_t commands[OUTCOMES];
	int64_t counted;                /* the last record of the audit that was */
	bool counting;
};

struct metrics *
metrics_new(void)
{
	return memory_take(sizeof(struct metrics));
}

void
metrics_free(struct metrics *metrics)
{
	free(metrics);
}

/* -- The format ------------------------------------------------------------------------------------------------------ */

static void
head(struct text *out, const char *name, const char *type, const char *help)
{
	text_printf(out, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", name, help, name, type);
}

/* As it stands between quotes. */
static const char *
label(struct arena *arena, const char *value)
{
	struct text out = text_in(arena, 400);

	for (; *value; value++)
		text_printf(&out, *value == '\n' ? "\\n" : *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	return out.bytes;
}

static void
one(struct text *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	text_printf(out, "sallyport_%s %.17g\n", name, value);
}

/* -- What is counted ------------------------------------------------------------------------------------------------- */

static void
say_links(const struct bridge *bridge, struct arena *arena, struct text *out)
{
	int64_t now = clock_wall();

	head(out, "link_up", "gauge", "Whether the account on that chat server is connected.");
	for (size_t i = 0; i < bridge->links.count; i++)
		text_printf(out, "sallyport_link_up{link=\"%s\"} %d\n", label(arena, bridge->links.each[i]->name), bridge->links.each[i]->state == LINK_UP);
	head(out, "outbox_waiting", "gauge", "Messages that are still to be said.");
	for (size_t i = 0; i < bridge->links.count; i++)
		text_printf(out, "sallyport_outbox_waiting{link=\"%s\"} %u\n", label(arena, bridge->links.each[i]->name),
			outbox_waiting(bridge->talk.outbox, bridge->links.each[i]->name).count);
	head(out, "outbox_oldest_seconds", "gauge", "How long the oldest of them has waited.");
	for (size_t i = 0; i < bridge->links.count; i++) {
		int64_t oldest = outbox_waiting(bridge->talk.outbox, bridge->links.each[i]->name).oldest;
		text_printf(out, "sallyport_outbox_oldest_seconds{link=\"%s\"} %.3f\n", label(arena, bridge->links.each[i]->name),
			oldest && now > oldest ? (double)(now - oldest) / 1000 : 0.0);
	}
}

static void
say_deliveries(const struct bridge *bridge, struct arena *arena, struct text *out)
{
	const struct inbox_count *counts;
	size_t count = inbox_counts(bridge->inbox, &counts);

	head(out, "deliveries_total", "counter", "Webhooks by what became of them: accepted (kept), repeated (known already), refused (not proven), dead (came to nothing).");
	for (size_t i = 0; i < count; i++) {
		const struct { const char *outcome; uint64_t value; } each[] = { { "accepted", counts[i].taken }, { "repeated", counts[i].known },
			{ "refused", counts[i].refused }, { "dead", counts[i].dead } };
		for (size_t e = 0; e < sizeof each / sizeof *each; e++)
			text_printf(out, "sallyport_deliveries_total{service=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", label(arena, counts[i].instance),
				each[e].outcome, each[e].value);
	}
	one(out, "deliveries_waiting", "gauge", "Webhooks that were kept and are still to be carried out.", (double)inbox_waiting(bridge->inbox));
}

static void
say_services(const struct bridge *bridge, struct arena *arena, struct text *out)
{
	head(out, "service_requests_total", "counter", "HTTP requests to a service: answered, or failed without an answer.");
	for (size_t i = 0; bridge->talk.instances[i]; i++) {
		const struct instance *instance = bridge->talk.instances[i];
		const char *origin = instance->url ? url_origin(arena, instance->url) : NULL;
		struct http_health health = { 0 };
		if (!origin || !http_health(bridge->engine.http, origin, &health))
			continue;
		text_printf(out, "sallyport_service_requests_total{service=\"%s\",outcome=\"answered\"} %llu\n", label(arena, instance->name), health.answers);
		text_printf(out, "sallyport_service_requests_total{service=\"%s\",outcome=\"failed\"} %llu\n", label(arena, instance->name), health.failures);
	}
}

static void
say_hooks(const struct bridge *bridge, struct text *out)
{
	struct hook_report hook;

	if (!hook_report(bridge->hook, &hook))
		return;
	one(out, "http_connections", "gauge", "Who is connected to our listener.", (double)hook.connections);
	head(out, "http_requests_total", "counter", "Requests to our listener.");
	text_printf(out, "sallyport_http_requests_total{outcome=\"served\"} %" PRIu64 "\n", hook.served);
	text_printf(out, "sallyport_http_requests_total{outcome=\"refused\"} %" PRIu64 "\n", hook.refused);
	head(out, "http_request_seconds", "histogram", "From the first byte of a request to the last of its answer.");
	for (size_t i = 0; i + 1 < HOOK_BUCKETS; i++)
		text_printf(out, "sallyport_http_request_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", (double)hook_buckets[i] / 1000, hook.within[i]);
	text_printf(out, "sallyport_http_request_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", hook.within[HOOK_BUCKETS - 1]);
	text_printf(out, "sallyport_http_request_seconds_sum %.3f\n", (double)hook.ms / 1000);
	text_printf(out, "sallyport_http_request_seconds_count %" PRIu64 "\n", hook.within[HOOK_BUCKETS - 1]);
}

static double
memory_resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%*s %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double
descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	double count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count > 3 ? count - 3 : 0;       /* . and .. and the folder itself */
}

static void
say_ourselves(const struct bridge *bridge, struct text *out)
{
	const struct engine *engine = &bridge->engine;

	head(out, "info", "gauge", "The version.");
	text_printf(out, "sallyport_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	one(out, "start_time_seconds", "gauge", "When the gateway was started, since 1970.", (double)bridge->began / 1000);
	one(out, "store_failing", "gauge", "Whether the last commit failed.", store_failing(engine->store, NULL));
	one(out, "store_waiting", "gauge", "What is still to be written or read.", (double)store_waiting(engine->store));
	one(out, "rooms", "gauge", "Rooms of the configuration.", (double)bridge->talk.rooms->count);
	one(out, "followed", "gauge", "Builds and other things that are looked at until they end.", follows_count(bridge->talk.follows, NULL));
	one(out, "approvals_waiting", "gauge", "Requests that wait for a yes.", (double)approvals_count(bridge->talk.approvals));
	one(out, "tasks", "gauge", "Pieces of work that are going on.", (double)tasks_count(engine->tasks));
	one(out, "memory_bytes", "gauge", "Resident memory.", memory_resident());
	one(out, "open_descriptors", "gauge", "Open files and connections.", descriptors());
}

/* -- Commands: the audit has them, so it is asked for those that are new ------------------------------------------------ */

struct counting {
	struct audit_filter filter;
	uint64_t commands[OUTCOMES];
	int64_t last;
};

static bool
count_record(const struct audit_record *record, void *with)
{
	struct counting *counting = with;
	const char *result = audit_result(&record->entry);

	if (record->seq > counting->last)
		counting->last = record->seq;
	for (size_t i = 0; record->entry.command && i < OUTCOMES; i++)
		counting->commands[i] += !strcmp(result, outcomes[i]);
	return true;
}

static bool
count_records(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct counting *counting = with;

	return audit_list(db, &counting->filter, arena, count_record, counting, error);
}

static bool
count_commands(struct task *task, const struct bridge *bridge)
{
	struct metrics *metrics = bridge->metrics;
	struct work *work = work_new(count_records, sizeof(struct counting));
	struct counting *counting = work_with(work);

	counting->filter = (struct audit_filter){ .since = bridge->began, .after = metrics->counted, .depth = RECORDS_MOST };
	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < OUTCOMES && counting->last > metrics->counted; i++)
		metrics->commands[i] += counting->commands[i];
	metrics->counted = counting->last > metrics->counted ? counting->last : metrics->counted;
	return true;
}

static void
say_commands(const struct bridge *bridge, struct text *out)
{
	head(out, "commands_total", "counter", "Commands by what the audit says of them: allowed (begun), refused; of what changes something: done, failed, unknown.");
	for (size_t i = 0; i < OUTCOMES; i++)
		text_printf(out, "sallyport_commands_total{outcome=\"%s\"} %" PRIu64 "\n", outcomes[i], bridge->metrics->commands[i]);
}

/* -- The route ------------------------------------------------------------------------------------------------------------ */

static unsigned
allowed(const struct arrival *arrival, void *with)
{
	return health_may_ask(with, arrival) && !*arrival->rest ? FINE : NOT_FOUND;
}

static void
run(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	const struct bridge *bridge = with;
	struct metrics *metrics = bridge->metrics;
	struct text out = text_in(task->arena, SAID_MOST);

	(void)arrival;
	/* One that asks while another counts gets what was counted before; a store that refuses stops no count but that of commands. */
	if (!metrics->counting) {
		metrics->counting = true;
		count_commands(task, bridge);
		metrics->counting = false;
	}
	say_ourselves(bridge, &out);
	say_links(bridge, task->arena, &out);
	say_commands(bridge, &out);
	say_deliveries(bridge, task->arena, &out);
	say_services(bridge, task->arena, &out);
	say_hooks(bridge, &out);
	answer->status = FINE;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	answer->bytes = out.bytes;
	answer->length = out.length;
}

const struct hook_route metrics_route = { "GET", "metrics", false, PATIENCE, allowed, run };
