/* name: names on IRC, of people and channels: which there can be, and how they compare. */
#include "protocols/irc/name.h"

#include <string.h>

#include "bridge/base/error.h"

enum name_case
name_case(const char *said)
{
	if (!strcmp(said, "ascii"))
		return CASE_ASCII;
	return strcmp(said, "strict-rfc1459") && strcmp(said, "rfc1459-strict") ? CASE_RFC1459 : CASE_STRICT;
}

/* In the alphabet of 1988 { } | ~ were the small letters of [ ] \ ^. */
int
name_fold(int byte, enum name_case how)
{
	if (byte >= 'A' && byte <= 'Z')
		return byte + ('a' - 'A');
	if (how != CASE_ASCII && byte >= '[' && byte <= ']')
		return byte + ('{' - '[');
	return how == CASE_RFC1459 && byte == '^' ? '~' : byte;
}

bool
name_same(const char *a, const char *b, enum name_case how)
{
	while (*a && name_fold((unsigned char)*a, how) == name_fold((unsigned char)*b, how))
		a++, b++;
	return !*a && !*b;
}

bool
name_nick(const char *nick)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\`_^{|}";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\`_^{|}0123456789-";

	return *nick && strchr(letters, *nick) && !nick[strspn(nick, others)] && strlen(nick) <= 32;
}

bool
name_channel(const char *channel, struct error *error)
{
	if (!*channel || !strchr("#&+!", *channel))
		return error_set(error, "a channel of IRC begins with #, as in \"#ops\".");
	if (!channel[1] || strlen(channel) > NAME_MOST)
		return error_set(error, "a channel of IRC has 2 to %d bytes.", NAME_MOST);
	for (const char *at = channel; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == ',' || *at == 0x7f)
			return error_set(error, "a channel of IRC holds no blank, comma or control character.");
	return true;
}

static bool
is_host(const char *word, size_t length)
{
	size_t letters = 0, dots = 0;

	for (size_t i = 0; i < length; i++) {
		letters += (word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z') || (word[i] >= '0' && word[i] <= '9')
			|| strchr("-_*.", word[i]);
		dots += word[i] == '.';
	}
	return dots > 0 && letters == length && word[0] != '.' && word[length - 1] != '.';
}

bool
name_split(const char *reason)
{
	size_t first = strcspn(reason, " ");

	return reason[first] && is_host(reason, first) && is_host(reason + first + 1, strlen(reason + first + 1));
}

bool
name_of(const char *prefix, char out[NAME_MOST + 1])
{
	const char *end = prefix ? strchr(prefix, '!') : NULL;

	if (!end || end == prefix || end - prefix > NAME_MOST)
		return false;
	memcpy(out, prefix, (size_t)(end - prefix));
	out[end - prefix] = '\0';
	return true;
}
