/* totp: one-time codes that follow the clock (RFC 6238): what somebody's telephone shows, checked; nothing is kept here. */
#include "bridge/rights/totp.h"

#include <liboath/oath.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"

enum { GROUP = 4, BASE32 = TOTP_SECRET * 8 / 5, SKEW = 1 };

bool
totp_make(unsigned char secret[TOTP_SECRET], struct error *error)
{
	if (getrandom(secret, TOTP_SECRET, 0) != TOTP_SECRET)
		return error_set(error, "The system gives no random numbers.");
	return true;
}

/* 20 bytes are 32 letters, without padding. */
static void
write_base32(const unsigned char secret[TOTP_SECRET], char out[BASE32 + 1])
{
	char *made = NULL;
	size_t length = 0;

	if (oath_base32_encode((const char *)secret, TOTP_SECRET, &made, &length) != OATH_OK || length != BASE32)
		abort();
	memcpy(out, made, BASE32);
	out[BASE32] = '\0';
	secret_wipe(made, length);
	free(made);
}

static void
write_groups(const char base32[BASE32 + 1], char out[BASE32 + BASE32 / GROUP])
{
	size_t at = 0;

	for (size_t i = 0; i < BASE32; i++) {
		if (i && i % GROUP == 0)
			out[at++] = ' ';
		out[at++] = base32[i];
	}
	out[at] = '\0';
}

char *
totp_base32(struct arena *arena, const unsigned char secret[TOTP_SECRET])
{
	char base32[BASE32 + 1], *groups = arena_take(arena, BASE32 + BASE32 / GROUP);

	write_base32(secret, base32);
	write_groups(base32, groups);
	secret_wipe(base32, sizeof base32);
	return groups;
}

/* otpauth://totp/ISSUER:PERSON?secret=...&issuer=ISSUER. What else apps may be told (digits, period, algorithm) are the defaults, which some ignore. */
char *
totp_uri(struct arena *arena, const unsigned char secret[TOTP_SECRET], const char *issuer, const char *person)
{
	char base32[BASE32 + 1], *of = url_part(arena, issuer), *whose = url_part(arena, person);

	write_base32(secret, base32);
	char *uri = arena_printf(arena, "otpauth://totp/%s:%s?secret=%s&issuer=%s", of ? of : "", whose ? whose : "", base32, of ? of : "");
	secret_wipe(base32, sizeof base32);
	return uri;
}

void
totp_hide(const unsigned char secret[TOTP_SECRET])
{
	char base32[BASE32 + 1], groups[BASE32 + BASE32 / GROUP];

	write_base32(secret, base32);
	write_groups(base32, groups);
	redact_add((const char *)secret, TOTP_SECRET);
	redact_add(base32, strlen(base32));
	redact_add(groups, strlen(groups));
	secret_wipe(base32, sizeof base32);
	secret_wipe(groups, sizeof groups);
}

bool
totp_digits(const char *text, char digits[TOTP_DIGITS + 1])
{
	char found[TOTP_DIGITS + 1] = "";
	size_t count = 0;

	for (; *text; text++)
		if (*text >= '0' && *text <= '9' && count < TOTP_DIGITS)
			found[count++] = *text;
		else if (*text != ' ')
			return false;
	if (count == TOTP_DIGITS && digits)
		memcpy(digits, found, sizeof found);
	secret_wipe(found, sizeof found);
	return count == TOTP_DIGITS;
}

/* Every step that may be meant is computed and compared, whichever fits. */
enum totp
totp_check(const unsigned char secret[TOTP_SECRET], const char *digits, int64_t wall, int64_t spent, int64_t *step)
{
	int64_t now = wall / 1000 / TOTP_STEP, found = 0;
	char code[TOTP_DIGITS + 1];

	if (oath_init() != OATH_OK)
		abort();
	if (strlen(digits) != TOTP_DIGITS)
		return TOTP_WRONG;
	for (int64_t at = now - SKEW; at <= now + SKEW; at++) {
		if (at < 0 || oath_totp_generate((const char *)secret, TOTP_SECRET, (time_t)(at * TOTP_STEP), TOTP_STEP, 0, TOTP_DIGITS, code) != OATH_OK)
			continue;
		int64_t same = CRYPTO_memcmp(code, digits, TOTP_DIGITS) == 0;
		found += same * (at > found) * (at - found);
	}
	secret_wipe(code, sizeof code);
	if (!found)
		return TOTP_WRONG;
	*step = found;
	return found > spent ? TOTP_RIGHT : TOTP_SPENT;
}
