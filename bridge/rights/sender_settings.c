/* sender_settings: the options by which an instance says who its sender is. */
#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/secret.h"
#include "bridge/rights/sender.h"

enum {
	SECRET_LEAST = 16,              /* bytes: what is shorter can be tried */
	FINGERPRINT = 32,
};

bool
sender_is_given(const struct sender_settings *settings)
{
	return settings->hook || settings->from.count || settings->hook_certificates.count;
}

static bool
read_fingerprint(const char *written, unsigned char out[FINGERPRINT])
{
	size_t digits = 0;

	memset(out, 0, FINGERPRINT);
	for (; *written; written++) {
		const char *found = strchr("0123456789abcdef", tolower((unsigned char)*written));
		if (*written == ':' && digits % 2 == 0)
			continue;
		if (!found || digits == 2 * FINGERPRINT)
			return false;
		out[digits / 2] = (unsigned char)(out[digits / 2] << 4 | (found - "0123456789abcdef"));
		digits++;
	}
	return digits == 2 * FINGERPRINT;
}

static void
read_fingerprints(struct conf *conf, const struct section *at, struct sender_settings *settings)
{
	const struct list *list = &settings->hook_certificates;
	unsigned char (*each)[FINGERPRINT] = arena_take(conf_arena(conf), (list->count + 1) * sizeof *each);

	for (size_t i = 0; i < list->count; i++)
		if (!read_fingerprint(list->each[i], each[i]))
			conf_mistake(conf, list->where[i], at, "hook_certificates: %s is no SHA-256 fingerprint, 64 hexadecimal digits as openssl x509 -fingerprint -sha256"
				" says them.", list->each[i]);
	settings->fingerprints = (const unsigned char (*)[FINGERPRINT])each;
}

static void
check_secret(struct conf *conf, const struct section *at, struct where where, const char *option, const struct secret *secret, bool in_path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

	if (!secret)
		return;
	if (secret->length < SECRET_LEAST)
		conf_mistake(conf, where, at, "the secret of %s is shorter than %d characters, so it could be guessed; make one: openssl rand -hex 20", option, SECRET_LEAST);
	if (in_path && strspn(secret->bytes, plain) != secret->length)
		conf_mistake(conf, where, at, "the secret of %s is the end of an address: letters, digits and -_.~ only.", option);
}

/* The option without which none of the ways can be gone; NULL: there is none. */
static const char *
lacking(const struct sender_way *ways, const struct sender_settings *settings)
{
	const char *lack = NULL;

	for (const struct sender_way *way = ways; way->by; way++) {
		if (way->by == SENDER_BASIC && !settings->hook_user)
			lack = "hook_user";
		else if ((way->by == SENDER_MAC || way->by == SENDER_TOKEN) && !way->header && !settings->hook_header)
			lack = "hook_header";
		else
			return NULL;
	}
	return lack;
}

void
sender_settings_check(struct conf *conf, const struct section *at, struct where where, const struct sender_way *ways, struct sender_settings *settings)
{
	const char *lack = settings->hook ? lacking(ways, settings) : NULL;
	bool in_path = ways[0].by == SENDER_PATH && !ways[1].by;

	settings->ranges = ranges_of(conf, at, "from", &settings->from);
	read_fingerprints(conf, at, settings);
	check_secret(conf, at, where, "hook_file", settings->hook, in_path);
	check_secret(conf, at, where, "hook_old_file", settings->hook_old, in_path);
	if (settings->hook_old && !settings->hook)
		conf_mistake(conf, where, at, "hook_old_file is the secret before the one of hook_file; write that one.");
	if (lack)
		conf_mistake(conf, where, at, "hook_file needs %s: nothing else says where the secret is shown.", lack);
	if (settings->hook_time_header && !settings->hook)
		conf_mistake(conf, where, at, "hook_time_header is part of what is signed; that needs hook_file.");
}
