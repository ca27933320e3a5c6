/* join: which channels are asked for next, on one line. */
#include "protocols/irc/join.h"

#include <string.h>

#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/support.h"

enum { LIST_MOST = 400 };               /* bytes of names and keys on one line, together */

/* Those with a key come first, for the keys are told off in order; a list of each. */
struct lists {
	char names[LIST_MOST + 1], keys[LIST_MOST + 1];
	size_t count;
};

static bool
is_due(const struct channel *channel, int64_t now)
{
	return channel->state == CHANNEL_OUT && channel->next <= now;
}

/* How many channels of these kinds we are in, or will be in when the server has answered. */
static size_t
taken(const struct channels *channels, const char *prefixes)
{
	size_t count = 0;

	for (size_t i = 0; i < channels->count; i++)
		count += channels->each[i].state != CHANNEL_OUT && strchr(prefixes, *channels->each[i].name);
	return count;
}

static bool
may_be_in(const struct channels *channels, const struct channel *channel, const struct support *support, struct error *why)
{
	const char *prefixes = "";
	size_t most = support_limit(support, *channel->name, &prefixes);

	if (support->channel && strlen(channel->name) > support->channel)
		return error_set(why, "its name is longer than the %zu bytes that the server allows", support->channel);
	if (most && taken(channels, prefixes) >= most)
		return error_set(why, "the server lets me into %zu channels and no more", most);
	return true;
}

struct channel *
join_hopeless(const struct channels *channels, const struct support *support, int64_t now, struct error *why)
{
	for (size_t i = 0; i < channels->count; i++)
		if (is_due(&channels->each[i], now) && !may_be_in(channels, &channels->each[i], support, why))
			return &channels->each[i];
	return NULL;
}

static bool
add(struct lists *lists, const char *name, const char *key)
{
	size_t names = strlen(lists->names), keys = strlen(lists->keys);

	if (names + keys + strlen(name) + strlen(key) + 2 > LIST_MOST)
		return false;
	strcat(strcat(lists->names, names ? "," : ""), name);
	if (*key)
		strcat(strcat(lists->keys, keys ? "," : ""), key);
	lists->count++;
	return true;
}

static void
collect(struct lists *lists, struct channels *channels, const struct irc *irc, const struct support *support, int64_t now, bool with_key)
{
	struct error why;
	size_t most = support_joins(support);

	for (size_t i = 0; i < channels->count && !(most && lists->count >= most); i++) {
		struct channel *channel = &channels->each[i];
		const struct secret *key = irc_settings_key(irc, channel->name, channels->how);
		if (is_due(channel, now) && !!key == with_key && may_be_in(channels, channel, support, &why)
				&& add(lists, channel->name, key ? key->bytes : ""))
			channel->state = CHANNEL_ASKED;
	}
}

bool
join_write(struct written *line, struct channels *channels, const struct irc *irc, const struct support *support, int64_t now)
{
	struct lists lists = { 0 };

	collect(&lists, channels, irc, support, now, true);
	collect(&lists, channels, irc, support, now, false);
	const char *params[] = { lists.names, lists.keys };
	bool fine = lists.count && line_write(line, 0, "JOIN", params, *lists.keys ? 2 : 1);
	secret_wipe(&lists, sizeof lists);
	return fine;
}
