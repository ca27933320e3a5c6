/* setup_webhook: what the configuration says of the webhooks of each service. */
#include "bridge/setup_webhook.h"

#include <string.h>

#include "bridge/integration.h"
#include "bridge/run/hook.h"
#include "bridge/setup.h"
#include "bridge/work/command.h"

static struct webhook_settings *
settings_in(void *conf, const struct webhook *webhook)
{
	return (struct webhook_settings *)(void *)((char *)conf + webhook->settings);
}

/* Nothing is ever open because somebody forgot to close it. */
void
setup_webhook(struct setup *setup, const struct section *at, const struct integration *integration, struct instance *instance, void *conf)
{
	const struct webhook *webhook = integration->webhook;
	struct sender_settings *sender = &settings_in(conf, webhook)->sender;

	sender_settings_check(setup->conf, at, instance->where, webhook->ways, sender);
	bool spooled = setup->hooks && setup->hooks->spool;     /* who may write there is proven by that */
	if (!sender_is_given(sender) && !spooled) {
		if (!webhook->optional)
			conf_mistake(setup->conf, instance->where, at, "nothing says how its webhooks are proven; name a secret with hook_file"
				" (openssl rand -hex 20 makes one), or where they come from with from.");
		return;
	}
	instance->webhook = webhook;
	if (!setup->hooks)
		conf_mistake(setup->conf, instance->where, at, "it is sent webhooks, and nothing listens for them; write a section hooks { }.");
	else if (sender->hook_certificates.count && !setup->hooks->proxies.count)
		conf_mistake(setup->conf, instance->where, at, "hook_certificates is what a reverse proxy saw; name its address with proxies in hooks { }.");
}

const struct section *
setup_section_of(struct setup *setup, const struct instance *instance)
{
	for (struct section *at = NULL; (at = conf_next(conf_root(setup->conf), at, instance->service));)
		if (section_where(at).line == instance->where.line && !strcmp(section_where(at).file, instance->where.file))
			return at;
	return NULL;
}

static bool
is_offered(const struct setup *setup, const struct instance *instance)
{
	for (size_t i = 0; i < setup->rooms.count; i++)
		if (room_offers(setup->rooms.each[i], instance->name))
			return true;
	return false;
}

void
setup_webhook_rooms(struct setup *setup)
{
	for (size_t i = 0; i < setup->instance_count; i++) {
		const struct instance *instance = setup->instances[i];
		if (!instance->webhook)
			continue;
		const struct section *at = setup_section_of(setup, instance);
		const struct list *rooms = &((const struct webhook_settings *)(const void *)((const char *)instance->conf + instance->webhook->settings))->rooms;
		for (size_t r = 0; r < rooms->count; r++)
			if (!room_named(&setup->rooms, rooms->each[r]))
				conf_mistake(setup->conf, rooms->where[r], at, "no room is called %s.", rooms->each[r]);
		if (!rooms->count && !is_offered(setup, instance))
			conf_mistake(setup->conf, instance->where, at, "nobody would hear of its webhooks; name a room with rooms, or name it among the services of one.");
	}
}
