/* world: what rules are checked against: the services, verbs, rooms and links of a configuration. */
#include "bridge/world.h"

#include <string.h>

#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/setup.h"
#include "bridge/work/command.h"
#include "bridge/work/own.h"

static bool
world_instance(void *with, const char *instance)
{
	const struct setup *setup = with;

	for (size_t i = 0; i < setup->instance_count; i++)
		if (!instance || text_glob(instance, setup->instances[i]->name))
			return true;
	return false;
}

static bool
has_verb(const struct instance *instance, const char *verb)
{
	for (const struct command_set *set = instance->sets; set->kind; set++)
		for (const struct command *command = set->commands; command->verb; command++)
			if (text_glob(verb, command->verb))
				return true;
	return false;
}

static bool
world_verb(void *with, const char *instance, const char *verb)
{
	const struct setup *setup = with;

	for (size_t i = 0; i < setup->instance_count; i++)
		if ((!instance || text_glob(instance, setup->instances[i]->name)) && has_verb(setup->instances[i], verb))
			return true;
	for (const struct command *own = own_commands; own->verb; own++)
		if ((!instance || !strcmp(instance, "gateway")) && text_glob(verb, own->verb))
			return true;
	return false;
}

static const char *
world_nearest(void *with, const char *instance, const char *verb)
{
	const struct setup *setup = with;
	const char *names[128];
	size_t count = 0;

	for (const struct command *own = own_commands; verb && (!instance || !strcmp(instance, "gateway")) && own->verb; own++)
		names[count++] = own->verb;
	for (size_t i = 0; i < setup->instance_count; i++) {
		if (!verb && count < 127)
			names[count++] = setup->instances[i]->name;
		if (!verb || (instance && !text_glob(instance, setup->instances[i]->name)))
			continue;
		for (const struct command_set *set = setup->instances[i]->sets; set->kind; set++)
			for (const struct command *command = set->commands; command->verb && count < 127; command++)
				names[count++] = command->verb;
	}
	names[count] = NULL;
	return text_nearest(verb ? verb : instance, names);
}

static bool
world_room(void *with, const char *room)
{
	return room_named(&((const struct setup *)with)->rooms, room);
}

static bool
world_link(void *with, const char *link)
{
	return setup_link(with, link);
}

static const char *
world_service(void *with, const char *name)
{
	const struct instance *instance = setup_instance(with, name);

	return instance ? instance->service : NULL;
}

static bool
world_caseless(void *with, const char *link)
{
	const struct link_setup *found = setup_link(with, link);

	return found && found->protocol->caseless;
}

static bool
world_held(void *with, const char *name, const char *verb)
{
	const struct setup *setup = with;

	for (size_t i = 0; i < setup->instance_count; i++) {
		const struct instance *instance = setup->instances[i];
		for (const struct command_set *set = !name || text_glob(name, instance->name) ? instance->sets : NULL; set && set->kind; set++)
			for (const struct command *command = set->commands; command->verb; command++)
				if (command_held(command) && text_glob(verb, command->verb))
					return true;
	}
	return false;
}

struct rights_world
world_of(struct setup *setup)
{
	return (struct rights_world){ .instance = world_instance, .verb = world_verb, .nearest = world_nearest, .room = world_room,
		.link = world_link, .with = setup, .service = world_service, .caseless = world_caseless, .held = world_held,
		.more_people = setup->directory };
}
