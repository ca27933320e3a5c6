/* setup_alerts: what the configuration says of alerts: that each of their routes can fit, and leads somewhere. */
#include "bridge/setup_alerts.h"

#include "bridge/base/error.h"
#include "bridge/setup.h"
#include "bridge/work/command.h"
#include "integrations/kinds/alerts_matcher.h"
#include "integrations/kinds/alerts_route.h"
#include "integrations/kinds/alerts_tell.h"

static void
check_rooms(struct setup *setup, const struct section *section, const struct list *rooms)
{
	for (size_t i = 0; i < rooms->count; i++)
		if (!room_named(&setup->rooms, rooms->each[i]))
			conf_mistake(setup->conf, rooms->where[i], section, "no room is called %s.", rooms->each[i]);
}

static void
check_route(struct setup *setup, const struct section *section, const struct alert_route *route)
{
	struct matcher matcher;
	struct error why;

	check_rooms(setup, section, &route->rooms);
	for (size_t i = 0; i < route->match.count; i++)
		if (!matcher_read(conf_arena(setup->conf), route->match.each[i], &matcher, &why))
			conf_mistake(setup->conf, route->match.where[i], section, "%s.", why.text);
}

void
setup_alerts(struct setup *setup)
{
	for (size_t i = 0; i < setup->instance_count; i++) {
		const struct instance *instance = setup->instances[i];
		const struct alerts_options *options = alerts_of(instance) ? alerts_options_of(instance) : NULL;
		const struct section *section = setup_section_of(setup, instance);
		if (!options)
			continue;
		if (!instance->webhook)
			check_rooms(setup, section, &options->webhook.rooms);
		for (size_t n = 0; n < options->routes.count; n++)
			check_route(setup, section, options->routes.each[n]);
	}
}
