/* setup: what a configuration file means, checked against itself. */
#include "bridge/setup.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bridge/anchor.h"
#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/integration.h"
#include "bridge/protocol.h"
#include "bridge/rights/directory.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/freeze.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"
#include "bridge/rights/seal.h"
#include "bridge/rights/window.h"
#include "bridge/run/hook.h"
#include "bridge/setup_alerts.h"
#include "bridge/setup_webhook.h"
#include "bridge/warnings.h"
#include "bridge/work/command.h"
#include "bridge/work/lock.h"
#include "bridge/work/own.h"
#include "bridge/world.h"
#include "integrations/kinds/alerts.h"
#include "integrations/kinds/ci.h"

/* The sections that a file may hold at its top, beside links and services. */
static const struct shape *const ours[] = { &anchor_shape, &hook_shape, &seal_shape, &room_shape, &person_shape, &directory_shape, &role_shape,
	&approval_shape, &confirm_shape, &elevate_shape, &freeze_shape, &lock_shape, &alias_shape };

enum { OURS = sizeof ours / sizeof *ours };

static bool
known_kind(const char *kind)
{
	for (size_t i = 0; i < OURS; i++)
		if (!strcmp(kind, ours[i]->name))
			return true;
	for (size_t i = 0; protocols[i]; i++)
		if (!strcmp(kind, protocols[i]->name))
			return true;
	for (size_t i = 0; integrations[i]; i++)
		if (!strcmp(kind, integrations[i]->name))
			return true;
	return false;
}

static const char *
nearest_kind(const char *kind)
{
	const char *names[64];
	size_t count = 0;

	for (size_t i = 0; i < OURS; i++)
		names[count++] = ours[i]->name;
	for (size_t i = 0; protocols[i] && count < 60; i++)
		names[count++] = protocols[i]->name;
	for (size_t i = 0; integrations[i] && count < 60; i++)
		names[count++] = integrations[i]->name;
	names[count] = NULL;
	return text_nearest(kind, names);
}

static void
check_kinds(struct setup *setup)
{
	for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, NULL));) {
		const char *kind = section_kind(at), *near;
		if (known_kind(kind))
			continue;
		near = nearest_kind(kind);
		conf_mistake(setup->conf, section_where(at), at, "there is no section %s in this version%s%s%s", kind,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
}

/* All sections of one kind, filled; a title twice is a mistake. */
static struct sections
fill_all(struct setup *setup, const struct shape *shape)
{
	struct arena *arena = conf_arena(setup->conf);
	struct section *root = conf_root(setup->conf);
	size_t count = 0;

	for (struct section *at = NULL; (at = conf_next(root, at, shape->name));)
		count++;
	void **each = arena_take(arena, (count + 1) * sizeof *each);
	const char **titles = arena_take(arena, (count + 1) * sizeof *titles);
	size_t filled = 0;
	for (struct section *at = NULL; (at = conf_next(root, at, shape->name)); filled++) {
		each[filled] = arena_take(arena, shape->size);
		conf_fill(setup->conf, at, shape, each[filled]);
		titles[filled] = section_title(at) ? section_title(at) : "";
		for (size_t i = 0; i < filled; i++)
			if (!shape->untitled && !strcmp(titles[i], titles[filled]))
				conf_mistake(setup->conf, section_where(at), at, "there is another %s of this name; give it another one.", shape->name);
	}
	return (struct sections){ count, each };
}

/* Links. */

static const void *
fill_link(struct setup *setup, struct conf *conf, struct section *at, const struct protocol *protocol)
{
	struct shape *shape = arena_take(conf_arena(setup->conf), sizeof *shape);
	*shape = (struct shape){ protocol->name, protocol->conf_size, protocol->settings, protocol->about, protocol->single };
	void *filled = arena_take(conf_arena(setup->conf), protocol->conf_size + 1);
	bool fine = conf_fill(conf, at, shape, filled);

	if (fine && protocol->check)
		protocol->check(conf, at, filled);
	return filled;
}

static void
add_link(struct setup *setup, struct conf *conf, struct section *at, const struct protocol *protocol)
{
	const char *title = section_title(at);
	struct link_setup *link = &setup->links[setup->link_count];

	link->protocol = protocol;
	link->name = title ? title : protocol->name;
	link->in = conf;
	link->section = at;
	link->where = section_where(at);
	link->conf = fill_link(setup, conf, at, protocol);
	for (size_t i = 0; i < setup->link_count; i++)
		if (!strcmp(setup->links[i].name, link->name))
			conf_mistake(conf, link->where, at, "there is another link called %s (line %d).", link->name, setup->links[i].where.line);
	setup->link_count++;
}

static void
read_links(struct setup *setup)
{
	size_t most = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, NULL));)
		most++;
	for (size_t i = 0; protocols[i]; i++)
		most++;
	setup->links = arena_take(conf_arena(setup->conf), (most + 1) * sizeof *setup->links);
	for (size_t i = 0; protocols[i]; i++) {
		size_t before = setup->link_count;
		for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, protocols[i]->name));)
			add_link(setup, setup->conf, at, protocols[i]);
		/* The console is always there: status and the audit are asked over it. */
		struct section *spare = conf_next(conf_root(setup->defaults), NULL, protocols[i]->name);
		if (setup->link_count == before && spare)
			add_link(setup, setup->defaults, spare, protocols[i]);
	}
}

const struct link_setup *
setup_link(const struct setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->link_count; i++)
		if (!strcmp(setup->links[i].name, name))
			return &setup->links[i];
	return NULL;
}

/* Sections of which there is one at most. */

/* NULL: it is not written. */
static struct section *
only_section(struct setup *setup, const struct shape *shape)
{
	struct section *root = conf_root(setup->conf), *at = conf_next(root, NULL, shape->name);

	for (struct section *other = at; other && (other = conf_next(root, other, shape->name));)
		conf_mistake(setup->conf, section_where(other), other, "there is one already (line %d); write all into that.", section_where(at).line);
	return at;
}

/* The way in over HTTP. */
static void
read_hooks(struct setup *setup)
{
	struct section *at = only_section(setup, &hook_shape);
	struct hook_settings *hooks = at ? arena_take(conf_arena(setup->conf), sizeof *hooks) : NULL;

	if (at && conf_fill(setup->conf, at, &hook_shape, hooks))
		hook_settings_check(setup->conf, at, hooks);
	setup->hooks = hooks;
}

/* Who signs the audit. Where nothing is written about it, the defaults hold. */
static void
read_audit(struct setup *setup)
{
	struct section *at = only_section(setup, &anchor_shape);
	struct conf *conf = at ? setup->conf : setup->defaults;
	struct anchor_settings *audit = arena_take(conf_arena(setup->conf), sizeof *audit);

	at = at ? at : conf_next(conf_root(setup->defaults), NULL, anchor_shape.name);
	if (conf_fill(conf, at, &anchor_shape, audit))
		anchor_settings_check(conf, at, audit, &setup->rooms);
	setup->audit = audit;
}

/* The key of what is kept encrypted. */
static void
read_secrets(struct setup *setup)
{
	struct section *at = only_section(setup, &seal_shape);

	if (at && conf_fill(setup->conf, at, &seal_shape, &setup->secrets))
		seal_settings_check(setup->conf, at, &setup->secrets);
}

static void
read_locks(struct setup *setup, const struct sections *roles)
{
	struct section *at = only_section(setup, &lock_shape);
	struct lock_settings *limits = at ? arena_take(conf_arena(setup->conf), sizeof *limits) : NULL;

	if (at && conf_fill(setup->conf, at, &lock_shape, limits))
		lock_settings_check(setup->conf, at, limits, roles);
	setup->lock_limits = limits;
}

static void
read_directory(struct setup *setup)
{
	struct section *at = only_section(setup, &directory_shape);
	struct directory_settings *directory = at ? arena_take(conf_arena(setup->conf), sizeof *directory) : NULL;

	if (at && conf_fill(setup->conf, at, &directory_shape, directory))
		directory_settings_check(setup->conf, at, directory);
	setup->directory = directory;
}

/* Services. */

const struct command_set *
setup_sets(struct arena *arena, const struct integration *integration)
{
	struct command_set *sets = arena_take(arena, 6 * sizeof *sets);
	size_t count = 0;

	if (integration->alerts)
		sets[count++] = (struct command_set){ "alerts", alerts_commands(arena, integration->alerts), integration->alerts };
	if (integration->ci)
		sets[count++] = (struct command_set){ "ci", ci_commands, integration->ci };
	if (integration->commands)
		sets[count++] = (struct command_set){ integration->name, integration->commands, NULL };
	return sets;
}

static void
check_name(struct setup *setup, struct section *at, const struct instance *instance)
{
	const char *name = instance->name;

	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(name))
		conf_mistake(setup->conf, instance->where, at, "a service's name is typed as a word: letters, digits, - and _ only.");
	if (command_find(own_commands, name))
		conf_mistake(setup->conf, instance->where, at, "%s is a command of mine; give the service another name.", name);
	for (size_t i = 0; i < setup->instance_count; i++)
		if (!strcasecmp(setup->instances[i]->name, name))
			conf_mistake(setup->conf, instance->where, at, "there is another service called %s (line %d).", name,
				setup->instances[i]->where.line);
}

static void
add_instance(struct setup *setup, struct section *at, const struct integration *integration)
{
	struct arena *arena = conf_arena(setup->conf);
	struct shape *shape = arena_take(arena, sizeof *shape);
	struct instance *instance = arena_take(arena, sizeof *instance);
	void *conf = arena_take(arena, integration->conf_size + 1);

	*shape = (struct shape){ integration->name, integration->conf_size, integration->settings, integration->about, false };
	*instance = (struct instance){ .name = section_title(at) ? section_title(at) : "", .service = integration->name, .conf = conf,
		.where = section_where(at), .sets = setup_sets(arena, integration) };
	if (conf_fill(setup->conf, at, shape, conf)) {
		if (integration->check)
			integration->check(setup->conf, at, conf);
		if (integration->url)
			instance->url = integration->url(conf);
		if (integration->webhook)
			setup_webhook(setup, at, integration, instance, conf);
	}
	check_name(setup, at, instance);
	setup->instances[setup->instance_count++] = instance;
}

static void
read_instances(struct setup *setup)
{
	size_t most = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, NULL));)
		most++;
	setup->instances = arena_take(conf_arena(setup->conf), (most + 1) * sizeof *setup->instances);
	for (size_t i = 0; integrations[i]; i++)
		for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, integrations[i]->name));)
			add_instance(setup, at, integrations[i]);
}

const struct instance *
setup_instance(const struct setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->instance_count; i++)
		if (!strcmp(setup->instances[i]->name, name))
			return setup->instances[i];
	return NULL;
}

static const char *
instances_text(const struct setup *setup)
{
	struct text text = text_in(conf_arena(setup->conf), 300);

	for (size_t i = 0; i < setup->instance_count; i++)
		text_printf(&text, "%s%s", !i ? "" : i + 1 == setup->instance_count ? " and " : ", ", setup->instances[i]->name);
	return text.bytes;
}

/* Rooms. */

/* A mistake about a room, at the line of the entry that is wrong. */
static void
check_place(struct setup *setup, struct section *at, struct room *room, size_t i)
{
	struct place *place = &room->place[room->place_count];
	const char *written = room->places.each[i];
	struct where where = room->places.where[i];
	struct error error;

	if (!place_read(conf_arena(setup->conf), written, place)) {
		conf_mistake(setup->conf, where, at, "place \"%s\" is not LINK/CHANNEL, as in \"corp/#ops\".", written);
		return;
	}
	const struct link_setup *link = setup_link(setup, place->link);
	if (!link) {
		struct text there = text_in(conf_arena(setup->conf), 300);
		for (size_t l = 0; l < setup->link_count; l++)
			text_printf(&there, "%s%s", !l ? "" : l + 1 == setup->link_count ? " and " : ", ", setup->links[l].name);
		conf_mistake(setup->conf, where, at, "place \"%s\": no link is called %s; there are %s.", written, place->link, there.bytes);
		return;
	}
	if (link->protocol->place && !link->protocol->place(place->channel, &error)) {
		conf_mistake(setup->conf, where, at, "place \"%s\": %s", written, error.text);
		return;
	}
	const struct room *other = room_has_place(room, place) ? room : room_of(&setup->rooms, place);
	room->place_count++;
	if (other)
		conf_mistake(setup->conf, where, at, "place \"%s\" is already a place of room \"%s\" (line %d).", written, other->name, other->where.line);
}

static void
check_services(struct setup *setup, struct section *at, const struct room *room)
{
	for (size_t i = 0; i < room->services.count; i++)
		if (!setup_instance(setup, room->services.each[i]))
			conf_mistake(setup->conf, room->services.where[i], at, "no service is called %s; %s%s.", room->services.each[i],
				setup->instance_count ? "there are " : "there is none", instances_text(setup));
}

static void
read_rooms(struct setup *setup)
{
	struct arena *arena = conf_arena(setup->conf);
	struct sections filled = fill_all(setup, &room_shape);
	struct room **rooms = arena_take(arena, (filled.count + 1) * sizeof *rooms);

	for (size_t i = 0; i < filled.count; i++)
		rooms[i] = filled.each[i];
	setup->rooms = (struct rooms){ 0, rooms };
	struct section *at = NULL;
	struct window window;
	for (size_t i = 0; i < filled.count && (at = conf_next(conf_root(setup->conf), at, room_shape.name)); i++) {
		rooms[i]->place = arena_take(arena, (rooms[i]->places.count + 1) * sizeof *rooms[i]->place);
		for (size_t p = 0; p < rooms[i]->places.count; p++)
			check_place(setup, at, rooms[i], p);
		check_services(setup, at, rooms[i]);
		if (rooms[i]->quiet && !window_read_weekly(rooms[i]->quiet, &window))
			conf_mistake(setup->conf, rooms[i]->where, at, "quiet is a time of each day or week, as in \"22:00 - 07:00\".");
		if (rooms[i]->joins && !rooms[i]->relay)
			conf_mistake(setup->conf, rooms[i]->where, at, "joins = yes tells in the other places who comes and goes; that needs relay = yes.");
		setup->rooms.count++;
	}
}

static void
give_channels(struct setup *setup, struct link_setup *link)
{
	size_t count = 0;

	for (size_t i = 0; i < setup->rooms.count; i++)
		count += setup->rooms.each[i]->place_count;
	const char **channels = arena_take(conf_arena(setup->conf), (count + 1) * sizeof *channels);
	count = 0;
	for (size_t i = 0; i < setup->rooms.count; i++)
		for (size_t p = 0; p < setup->rooms.each[i]->place_count; p++)
			if (!strcmp(setup->rooms.each[i]->place[p].link, link->name))
				channels[count++] = setup->rooms.each[i]->place[p].channel;
	link->channels = channels;
}

/* Rights. */

static const char *
owner(struct arena *arena)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
		return arena_text(arena, entry.pw_name);
	return arena_printf(arena, "uid%u", (unsigned)geteuid());
}

/* What needs no approval by itself may need it during a freeze. */
static void
check_approvals(struct setup *setup, const struct sections *approvals, const struct sections *freezes)
{
	for (size_t i = 0; i < approvals->count; i++) {
		const struct approval *approval = approvals->each[i];
		bool used = approval->commands.count;
		for (size_t f = 0; f < freezes->count && !used; f++)
			used = ((const struct freeze *)freezes->each[f])->needs == approval;
		if (!used)
			conf_mistake(setup->conf, approval->where, NULL,
				"approval \"%s\" is for nothing: name the commands that need it (for), or name it in a freeze (approval).", approval->name);
	}
}

static void
read_rights(struct setup *setup)
{
	const struct rights_world world = world_of(setup);
	struct arena *arena = conf_arena(setup->conf);
	struct sections *persons = arena_take(arena, sizeof *persons), *roles = arena_take(arena, sizeof *roles);
	struct sections approvals = fill_all(setup, &approval_shape), confirms = fill_all(setup, &confirm_shape), freezes = fill_all(setup, &freeze_shape),
		elevates = fill_all(setup, &elevate_shape);

	*persons = fill_all(setup, &person_shape);
	*roles = fill_all(setup, &role_shape);
	setup->persons = persons->count;
	setup->roles = roles->count;
	setup->rights = rights_compile(setup->conf, persons, roles, &setup->gateway.strangers, &setup->gateway.admins, owner(arena), &world);
	const struct sections written = approvals;
	struct elevates elevated = elevates_compile(setup->conf, &elevates, setup->rights, &approvals);
	setup->elevates = arena_copy(arena, &elevated, sizeof elevated);
	setup->guards = guards_compile(setup->conf, &approvals, &confirms, setup->rights, &world);
	read_locks(setup, roles);
	setup->freezes = freezes_compile(setup->conf, &freezes, roles, &written, &world);
	check_approvals(setup, &written, &freezes);
	if (!conf_mistakes(setup->conf))
		warnings_find(setup, persons, roles, &freezes);
}

static void
read_aliases(struct setup *setup)
{
	struct sections filled = fill_all(setup, &alias_shape);

	setup->aliases = arena_take(conf_arena(setup->conf), (filled.count + 1) * sizeof *setup->aliases);
	for (size_t i = 0; i < filled.count; i++)
		setup->aliases[i] = filled.each[i];
}

/* Whatever folder we go to, and whoever keeps a job for us, means the same place. */
static const char *
absolute(struct arena *arena, const char *path)
{
	char *here = *path == '/' ? NULL : getcwd(NULL, 0);
	const char *whole = here ? arena_printf(arena, "%s/%s", here, path) : path;

	free(here);
	return whole;
}

struct setup *
setup_read(const char *path)
{
	static const char spare[] = "audit { }\nconsole { }\n";
	struct setup *setup = memory_take(sizeof *setup);

	setup->conf = conf_read(path);
	setup->defaults = conf_read_text(path, spare, strlen(spare));
	setup->path = arena_text(conf_arena(setup->conf), path);
	setup->read = clock_wall();
	conf_fill(setup->conf, conf_root(setup->conf), &gateway_shape, &setup->gateway);
	setup->gateway.state = absolute(conf_arena(setup->conf), setup->gateway.state);
	gateway_check(setup->conf, &setup->gateway);
	check_kinds(setup);
	read_hooks(setup);
	read_secrets(setup);
	read_links(setup);
	read_instances(setup);
	read_rooms(setup);
	setup_webhook_rooms(setup);
	setup_alerts(setup);
	read_audit(setup);
	for (size_t i = 0; i < setup->link_count; i++)
		give_channels(setup, &setup->links[i]);
	read_aliases(setup);
	read_directory(setup);
	read_rights(setup);
	return setup;
}

void
setup_free(struct setup *setup)
{
	if (!setup)
		return;
	freezes_free(setup->freezes);
	conf_free(setup->defaults);
	conf_free(setup->conf);
	free(setup);
}
