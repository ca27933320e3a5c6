/* alerts_route: which rooms hear of an alert: by its labels and how bad it is. */
#include "integrations/kinds/alerts_route.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "integrations/kinds/alerts_matcher.h"

enum { LABELS_MOST = 100 };

static const struct setting route_settings[] = {
	SETTING(alert_route, name,  TYPE_TITLE, NULL,          "What we call it."),
	SETTING(alert_route, where, TYPE_WHERE, NULL,          NULL),
	SETTING(alert_route, match, TYPE_LIST,  CONF_REQUIRED, "What all hold of its labels: \"team=db\", \"severity!=info\", \"host=~db.*\"."),
	SETTING(alert_route, rooms, TYPE_LIST,  CONF_REQUIRED, "The rooms that hear of what fits."),
	{ 0 }
};

const struct shape alert_route_shape = { "route", sizeof(struct alert_route), route_settings, "Alerts that go to rooms of their own.", false };

const struct named *
route_labels(struct arena *arena, const struct alert_group *group)
{
	struct named *all = arena_take(arena, (LABELS_MOST + 3) * sizeof *all);
	size_t count = 0;

	for (const struct named *label = group->labels; label && label->name && count < LABELS_MOST; label++)
		if (strcmp(label->name, "severity") != 0)
			all[count++] = *label;
	if (!matcher_label(all, "alertname") && group->name)
		all[count++] = (struct named){ "alertname", group->name };
	all[count++] = (struct named){ "severity", alerts_severity_word(group->severity) };
	return all;
}

static bool
fits(struct arena *arena, const struct alert_route *route, const struct named *labels)
{
	struct matcher *matchers = arena_take(arena, (route->match.count + 1) * sizeof *matchers);

	for (size_t i = 0; i < route->match.count; i++)
		if (!matcher_read(arena, route->match.each[i], &matchers[i], NULL))
			return false;
	return matchers_match(arena, matchers, labels);
}

static size_t
add(const char **rooms, size_t count, const struct list *more)
{
	for (size_t i = 0; i < more->count; i++) {
		size_t at = 0;
		while (at < count && strcmp(rooms[at], more->each[i]) != 0)
			at++;
		if (at == count)
			rooms[count++] = more->each[i];
	}
	return count;
}

const char *const *
route_rooms(struct arena *arena, const struct alerts_options *options, const struct list *usual, const struct alert_group *group)
{
	const struct named *labels = route_labels(arena, group);
	size_t most = usual->count, count = 0;

	for (size_t i = 0; i < options->routes.count; i++)
		most += ((const struct alert_route *)options->routes.each[i])->rooms.count;
	const char **rooms = arena_take(arena, (most + 1) * sizeof *rooms);
	for (size_t i = 0; i < options->routes.count; i++) {
		const struct alert_route *route = options->routes.each[i];
		if (fits(arena, route, labels))
			count = add(rooms, count, &route->rooms);
	}
	if (!count)
		add(rooms, 0, usual);
	return rooms;
}
