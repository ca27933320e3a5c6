/* say_names: nobody who is here is pinged by the way. */
#include "protocols/irc/say.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/channels.h"

static bool
is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || (unsigned char)byte >= 0x80;
}

/* What joins words for the clients that look for a name: it is not found within one. */
static bool
in_word(char byte)
{
	return is_letter(byte) || (byte && strchr("-_|", byte));
}

static bool
in_nick(char byte)
{
	return in_word(byte) || (byte && strchr("[]\\`^{}", byte));
}

static bool
is_here(const struct say *say, const char *word, size_t length)
{
	if (!channels_has(say->channels, say->channel, word, length))
		return false;
	char nick[NAME_MOST + 1];
	memcpy(nick, word, length);
	nick[length] = '\0';
	return !name_same(nick, say->nick, say->channels->how);
}

/* How long the name of somebody here is that begins at this word; 0: none does. The longest is meant. */
static size_t
name_length(const struct say *say, const char *word)
{
	size_t length = 0;

	while (length < NAME_MOST && in_nick(word[length]))
		length++;
	while (length && (in_word(word[length]) || !is_here(say, word, length)))
		length--;
	return length;
}

static bool
is_link(const char *at)
{
	return !strncmp(at, "http://", 7) || !strncmp(at, "https://", 8);
}

static bool
is_meant(struct arena *arena, const struct say *say, const char *name, size_t length, const char *const *meant)
{
	const char *nick = arena_slice(arena, name, length);

	while (meant && *meant && !name_same(*meant, nick, say->channels->how))
		meant++;
	return meant && *meant;
}

/* A word that is nobody's name, or what stands between words. */
static size_t
other_length(const char *at)
{
	size_t length = 0;

	/* A joiner in an address would lead nowhere. */
	if (is_link(at))
		return strcspn(at, " \n");
	while (in_word(at[length]))
		length++;
	return length ? length : 1;
}

const bool *
say_names(struct arena *arena, const struct say *say, const char *text, const char *const *meant)
{
	bool *marks = arena_take(arena, strlen(text) + 1);
	size_t length;

	for (const char *at = text; say->channel && *at; at += length) {
		length = is_link(at) ? 0 : name_length(say, at);
		if (length)
			marks[at - text] = !is_meant(arena, say, at, length, meant);
		else
			length = other_length(at);
	}
	return marks;
}

char *
say_without_pings(struct arena *arena, const struct say *say, const char *line)
{
	return styled_defuse_marked(arena, line, say_names(arena, say, line, NULL));
}
