/* words: what somebody could type. */
#include "bridge/words.h"

#include <string.h>

#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/rights/role.h"
#include "bridge/run/task.h"
#include "bridge/talk/label.h"
#include "bridge/talk/room.h"
#include "bridge/work/command.h"
#include "bridge/work/own.h"

static void
add_once(struct text *out, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = out->bytes; (at = strstr(at, word)); at += length)
		if ((at == out->bytes || at[-1] == '\n') && at[length] == '\n')
			return;
	text_printf(out, "%s\n", word);
}

/* In private, or in any room. */
static bool
could_somewhere(const struct bridge *bridge, struct ask *ask)
{
	const struct rooms *rooms = bridge->talk.rooms;

	ask->room = NULL;
	if (rights_could(bridge->talk.rights, ask))
		return true;
	for (size_t i = 0; i < rooms->count; i++) {
		ask->room = rooms->each[i]->name;
		if (rights_could(bridge->talk.rights, ask))
			return true;
	}
	return false;
}

static bool
add_verbs(const struct bridge *bridge, const char *account, const char *instance, const struct command *commands, struct text *out)
{
	bool any = false;

	for (const struct command *command = commands; command->verb; command++) {
		struct ask ask = { .account = account, .instance = instance, .verb = command->verb, .changes = command_needs_rule(command) };
		if (!could_somewhere(bridge, &ask))
			continue;
		add_once(out, command->verb);
		any = true;
	}
	return any;
}

static bool
add_ids(struct task *task, const char *instance, const char *kind, struct text *out)
{
	struct label *labels;
	size_t count;

	if (!label_look_open(task, kind, instance, NULL, &labels, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		add_once(out, labels[i].name);
	return true;
}

bool
words_list(struct task *task, const struct bridge *bridge, const char *account, struct text *out)
{
	talk_hold(task, &bridge->talk);
	const struct instance *const *instances = bridge->talk.instances;

	add_verbs(bridge, account, NULL, own_commands, out);
	for (size_t i = 0; instances[i]; i++)
		for (const struct command_set *set = instances[i]->sets; set->kind; set++) {
			if (!add_verbs(bridge, account, instances[i]->name, set->commands, out))
				continue;
			add_once(out, instances[i]->name);
			if (!add_ids(task, instances[i]->name, set->kind, out))
				return false;
		}
	return true;
}
