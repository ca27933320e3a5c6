/* refusal: why a server does not let us into a channel, and what people can do about it. */
#include "protocols/irc/refusal.h"

#include <stddef.h>
#include <string.h>

static const struct { const char *numeric, *why; } refusals[] = {
	{ "403", "the server has no such channel" },
	{ "405", "the server lets me into no more channels" },
	{ "437", "nobody may have it for now, after a split; I keep trying" },
	{ "470", "the server wants me elsewhere instead; I stay out" },
	{ "471", "it is full (+l); raise its limit" },
	{ "473", "by invitation only (+i); invite me" },
	{ "474", "I am banned there (+b); lift the ban" },
	{ "475", "its key is missing or wrong (+k); name it in channel \"...\" { key_file = \"...\" }" },
	{ "476", "the server takes that for no name of a channel" },
	{ "477", "only for who is logged in to services (+r); set account and password_file" },
	{ "479", "the server forbids that name" },
	{ "489", "only for who comes over TLS (+S); set tls = yes" },
	{ "520", "only for the network's operators (+O)" },
};

const char *
refusal_of(const char *numeric)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (!strcmp(refusals[i].numeric, numeric))
			return refusals[i].why;
	return NULL;
}
