/* channels: where we are on one network, where we want to be, and who is there with us. */
#include "protocols/irc/channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"

enum {
	PAUSE_MOST = 15 * 60 * 1000,    /* ms between two tries to get in */
	STAYED = 10 * 60 * 1000,        /* ms inside after which all is forgiven */
	INVITED = 10 * 1000,            /* ms until another invitation is heeded */
};

struct member {
	struct member *next;
	char nick[];
};

static size_t
count_of(const char *const *names)
{
	size_t count = 0;

	while (names && names[count])
		count++;
	return count;
}

void
channels_begin(struct channels *channels, const char *const *names, int64_t pause)
{
	size_t count = count_of(names);

	*channels = (struct channels){ .count = count, .pause = pause, .each = memory_take((count + 1) * sizeof *channels->each) };
	for (size_t i = 0; i < count; i++) {
		channels->each[i].name = names[i];
		channels->each[i].pause = pause;
	}
}

static void
forget_members(struct channel *channel)
{
	for (size_t i = 0; i < MEMBER_CHAINS; i++)
		while (channel->members[i]) {
			struct member *member = channel->members[i];
			channel->members[i] = member->next;
			free(member);
		}
	channel->member_count = 0;
}

/* The old ones of the same name; what is left in `old` is not wanted any more. */
static void
keep(struct channels *channels, struct channels *old)
{
	for (size_t i = 0; i < channels->count; i++) {
		struct channel *channel = &channels->each[i], *before = channels_find(old, channel->name);
		if (!before)
			continue;
		const char *name = channel->name;
		*channel = *before;
		channel->name = name;
		*before = (struct channel){ .name = "" };
	}
}

void
channels_want(struct channels *channels, const char *const *names, void (*left)(const struct channel *, void *with), void *with)
{
	struct channels old = *channels;

	channels_begin(channels, names, old.pause);
	channels->how = old.how;
	keep(channels, &old);
	for (size_t i = 0; i < old.count; i++)
		if (*old.each[i].name)
			left(&old.each[i], with);
	channels_end(&old);
}

void
channels_end(struct channels *channels)
{
	for (size_t i = 0; i < channels->count; i++)
		forget_members(&channels->each[i]);
	free(channels->each);
	*channels = (struct channels){ 0 };
}

/* A new connection asks for all of them at once; a grudge of the network's stays remembered in `pause`. */
void
channels_lost(struct channels *channels)
{
	for (size_t i = 0; i < channels->count; i++) {
		forget_members(&channels->each[i]);
		channels->each[i].state = CHANNEL_OUT;
		channels->each[i].next = 0;
		channels->each[i].why[0] = '\0';
	}
	channels->how = CASE_RFC1459;
}

struct channel *
channels_find(const struct channels *channels, const char *name)
{
	for (size_t i = 0; i < channels->count; i++)
		if (name_same(channels->each[i].name, name, channels->how))
			return &channels->each[i];
	return NULL;
}

size_t
channels_in(const struct channels *channels, enum channel_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < channels->count; i++)
		count += channels->each[i].state == state;
	return count;
}

/* In and out. */

void
channels_entered(struct channels *channels, struct channel *channel, int64_t now)
{
	(void)channels;
	forget_members(channel);
	channel->state = CHANNEL_IN;
	channel->since = now;
	channel->why[0] = '\0';
}

void
channels_left(struct channels *channels, struct channel *channel, const char *why, int64_t now)
{
	if (channel->state == CHANNEL_IN && now - channel->since >= STAYED)
		channel->pause = channels->pause;
	forget_members(channel);
	channel->state = CHANNEL_OUT;
	channel->next = now + channel->pause;
	channel->pause = channel->pause * 2 < PAUSE_MOST ? channel->pause * 2 : PAUSE_MOST;
	channel->login = false;
	snprintf(channel->why, sizeof channel->why, "%s", why);
}

/* Whoever sends invitations all day makes us ask no more often than this. */
bool
channels_invited(struct channels *channels, struct channel *channel, int64_t now)
{
	(void)channels;
	if (channel->state != CHANNEL_OUT || (channel->invited && now - channel->invited < INVITED))
		return false;
	channel->invited = now;
	channel->next = now;
	return true;
}

int64_t
channels_next(const struct channels *channels)
{
	int64_t next = -1;

	for (size_t i = 0; i < channels->count; i++)
		if (channels->each[i].state == CHANNEL_OUT && (next < 0 || channels->each[i].next < next))
			next = channels->each[i].next;
	return next;
}

/* Who is there. */

static size_t
chain_of(const struct channels *channels, const char *nick, size_t length)
{
	unsigned hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned)name_fold((unsigned char)nick[i], channels->how)) * 16777619u;
	return hash % MEMBER_CHAINS;
}

static bool
is_nick(const struct channels *channels, const char *a, const char *nick, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!a[i] || name_fold((unsigned char)a[i], channels->how) != name_fold((unsigned char)nick[i], channels->how))
			return false;
	return !a[length];
}

static struct member **
find_member(const struct channels *channels, struct channel *channel, const char *nick, size_t length)
{
	struct member **at = &channel->members[chain_of(channels, nick, length)];

	while (*at && !is_nick(channels, (*at)->nick, nick, length))
		at = &(*at)->next;
	return at;
}

bool
channels_has(const struct channels *channels, const struct channel *channel, const char *nick, size_t length)
{
	const struct member *at = channel->members[chain_of(channels, nick, length)];

	while (at && !is_nick(channels, at->nick, nick, length))
		at = at->next;
	return at;
}

bool
channels_shared(const struct channels *channels, const char *nick, size_t length)
{
	for (size_t i = 0; i < channels->count; i++)
		if (channels_has(channels, &channels->each[i], nick, length))
			return true;
	return false;
}

static void
add_member(struct channels *channels, struct channel *channel, const char *nick, size_t length)
{
	struct member **at = find_member(channels, channel, nick, length);

	/* Of a channel that is larger still, the rest may be pinged: better than that a stranger fills our memory. */
	if (*at || !length || length > NAME_MOST || channel->member_count >= MEMBERS_MOST)
		return;
	struct member *member = memory_take(sizeof *member + length + 1);
	memcpy(member->nick, nick, length);
	*at = member;
	channel->member_count++;
}

void
channels_join(struct channels *channels, struct channel *channel, const char *nick)
{
	add_member(channels, channel, nick, strlen(nick));
}

void
channels_names(struct channels *channels, struct channel *channel, const char *list)
{
	while (*(list += strspn(list, " "))) {
		size_t whole = strcspn(list, " ");
		const char *nick = list + strspn(list, "~&@%+!*");
		size_t length = nick < list + whole ? strcspn(nick, " !") : 0;
		add_member(channels, channel, nick, length);
		list += whole;
	}
}

void
channels_part(struct channels *channels, struct channel *channel, const char *nick)
{
	struct member **at = find_member(channels, channel, nick, strlen(nick));
	struct member *gone = *at;

	if (!gone)
		return;
	*at = gone->next;
	channel->member_count--;
	free(gone);
}

void
channels_quit(struct channels *channels, const char *nick)
{
	for (size_t i = 0; i < channels->count; i++)
		channels_part(channels, &channels->each[i], nick);
}

void
channels_rename(struct channels *channels, const char *from, const char *to)
{
	for (size_t i = 0; i < channels->count; i++) {
		if (!channels_has(channels, &channels->each[i], from, strlen(from)))
			continue;
		channels_part(channels, &channels->each[i], from);
		channels_join(channels, &channels->each[i], to);
	}
}
