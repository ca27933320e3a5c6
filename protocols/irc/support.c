/* support: what a server says of its limits and features. */
#include "protocols/irc/support.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/irc/line.h"

enum {
	LINE_LEAST = 256,               /* on a shorter one our own prefix would leave nothing to say */
	CHANNEL_LEAST = 2,
};

void
support_begin(struct support *support)
{
	*support = (struct support){ .line = LINE_MOST };
}

/* The number at the beginning, up to `end`; 0 where there is none, or no sensible one. */
static size_t
number(const char *value, char end)
{
	size_t digits = strspn(value, "0123456789");

	return digits && digits <= 6 && (!value[digits] || value[digits] == end) ? (size_t)strtoul(value, NULL, 10) : 0;
}

/* Each takes the value, which is "" where there is none; NULL: it was taken back. */

static void
take_bot(struct support *support, const char *value)
{
	bool letter = value && value[0] && !value[1] && ((*value >= 'A' && *value <= 'Z') || (*value >= 'a' && *value <= 'z'));

	support->bot = letter ? *value : '\0';
}

static void
take_channel(struct support *support, const char *value)
{
	size_t most = value ? number(value, '\0') : 0;

	support->channel = most >= CHANNEL_LEAST ? most : 0;
}

static void
add_limit(struct support *support, const char *prefixes, size_t length, size_t most)
{
	if (!length || length >= sizeof support->limits[0].prefixes || !most || support->limit_count == LIMITS_MOST)
		return;
	memcpy(support->limits[support->limit_count].prefixes, prefixes, length);
	support->limits[support->limit_count].prefixes[length] = '\0';
	support->limits[support->limit_count++].most = most;
}

/* "#&:50,!:10"; a kind without a number has no limit. */
static void
take_limits(struct support *support, const char *value)
{
	support->limit_count = 0;
	for (const char *at = value; at && *at; at += *at == ',') {
		size_t kinds = strcspn(at, ":,");
		if (at[kinds] == ':')
			add_limit(support, at, kinds, number(at + kinds + 1, ','));
		at += strcspn(at, ",");
	}
}

/* What older servers say instead. */
static void
take_most_channels(struct support *support, const char *value)
{
	if (!support->limit_count && value)
		add_limit(support, "#&+!", 4, number(value, '\0'));
}

static void
take_line(struct support *support, const char *value)
{
	size_t most = value ? number(value, '\0') : 0;

	support->line = most >= LINE_LEAST && most <= LINE_MOST_EVER ? most : LINE_MOST;
}

static void
take_monitor(struct support *support, const char *value)
{
	support->monitor = value && (!*value || number(value, '\0') > 0);
}

static void
take_nick(struct support *support, const char *value)
{
	support->nick = value ? number(value, '\0') : 0;
}

static void
take_targets(struct support *support, const char *value)
{
	support->targets = value ? number(value, '\0') : 0;
}

/* "PRIVMSG:4,NOTICE:4,JOIN:": without a number there is no limit. */
static void
take_targets_by_command(struct support *support, const char *value)
{
	support->targmax = value != NULL;
	support->joins = 0;
	for (const char *at = value; at && *at; at += *at == ',') {
		if (!strncmp(at, "JOIN:", 5))
			support->joins = number(at + 5, ',');
		at += strcspn(at, ",");
	}
}

static const struct { const char *name; void (*take)(struct support *, const char *value); } tokens[] = {
	{ "BOT",         take_bot },
	{ "CHANLIMIT",   take_limits },
	{ "CHANNELLEN",  take_channel },
	{ "LINELEN",     take_line },
	{ "MAXCHANNELS", take_most_channels },
	{ "MAXTARGETS",  take_targets },
	{ "MONITOR",     take_monitor },
	{ "NICKLEN",     take_nick },
	{ "TARGMAX",     take_targets_by_command },
};

void
support_take(struct support *support, const char *token)
{
	bool back = *token == '-';
	const char *name = token + back;
	size_t length = strcspn(name, "=");

	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		if (strlen(tokens[i].name) == length && !memcmp(tokens[i].name, name, length))
			tokens[i].take(support, back ? NULL : name + length + (name[length] == '='));
}

size_t
support_joins(const struct support *support)
{
	return support->targmax ? support->joins : support->targets;
}

size_t
support_limit(const struct support *support, char prefix, const char **prefixes)
{
	for (size_t i = 0; i < support->limit_count; i++)
		if (strchr(support->limits[i].prefixes, prefix)) {
			*prefixes = support->limits[i].prefixes;
			return support->limits[i].most;
		}
	return 0;
}
