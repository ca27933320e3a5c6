/* health_route: GET /healthz: whether the gateway does what it is for: the store takes what is written, and each link is up.
 *
 * A link may be away for a minute: servers restart. It is no reason to restart the gateway, which would bring no chat server back. */
#include "bridge/health_route.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/rights/sender.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/work/inbox.h"

enum {
	PATIENCE = 5000,                /* ms */
	AWAY = 60 * 1000,               /* ms that a link may be away */
	SAID_MOST = 16 * 1024,
};

enum { FINE = 200, NOT_FOUND = 404, UNWELL = 503 };

bool
health_may_ask(const struct bridge *bridge, const struct arrival *arrival)
{
	const struct hook_settings *hooks = bridge->setup->hooks;
	unsigned char address[RANGE_ADDRESS], peer[RANGE_ADDRESS];

	if (!hooks || !hooks->metrics || !range_address(arrival->peer, strlen(arrival->peer), peer))
		return false;
	bool passed_on = arrival_header(arrival, "X-Forwarded-For") || arrival_header(arrival, "Forwarded") || arrival_header(arrival, "Via");
	if (passed_on && !ranges_hold(&hooks->proxy_ranges, peer))
		return false;
	return sender_address(&hooks->proxy_ranges, arrival, address) && ranges_hold(&hooks->metrics_ranges, address);
}

static unsigned
allowed(const struct arrival *arrival, void *with)
{
	return health_may_ask(with, arrival) && !*arrival->rest ? FINE : NOT_FOUND;
}

static bool
is_well(const struct link *link, int64_t now)
{
	return link->state == LINK_UP || now - link->since < AWAY;
}

static void
run(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	const struct bridge *bridge = with;
	struct text out = text_in(task->arena, SAID_MOST);
	struct error why;
	int64_t now = clock_wall();

	(void)arrival;
	if (!bridge->begun || !inbox_begun(bridge->inbox) || bridge->stopping)
		text_add(&out, bridge->stopping ? "The gateway is being stopped.\n" : "The gateway is being started.\n");
	if (store_failing(bridge->engine.store, &why))
		text_printf(&out, "The store fails: %s\n", why.text);
	for (size_t i = 0; i < bridge->links.count; i++)
		if (!is_well(bridge->links.each[i], now))
			text_printf(&out, "%s is away: %s\n", bridge->links.each[i]->name, bridge->links.each[i]->text);
	answer->status = out.length ? UNWELL : FINE;
	if (!out.length)
		text_add(&out, "ok\n");
	answer->bytes = out.bytes;
	answer->length = out.length;
}

const struct hook_route health_route = { "GET", "healthz", false, PATIENCE, allowed, run };
