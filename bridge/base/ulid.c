/* ulid: identifiers that nobody gives out twice: 48 bits of time, 80 of chance, as 26 characters. */
#include "bridge/base/ulid.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/clock.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";         /* Crockford's: no I L O U */

void
ulid_make(char out[ULID_LENGTH + 1])
{
	unsigned char bytes[16];
	uint64_t now = (uint64_t)clock_wall();

	for (size_t i = 0; i < 6; i++)
		bytes[i] = (unsigned char)(now >> (40 - 8 * i));
	/* The kernel gives 10 bytes at once or, before it has any, waits: it never gives fewer. */
	if (getrandom(bytes + 6, 10, 0) != 10)
		abort();
	/* 128 bits from the left, five at a time; the first digit has the three that are left over. */
	for (int i = 0; i < ULID_LENGTH; i++) {
		unsigned value = 0;
		for (int bit = i * 5 - 2; bit < i * 5 + 3; bit++)
			value = value << 1 | (bit < 0 ? 0u : (unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1u);
		out[i] = digits[value];
	}
	out[ULID_LENGTH] = '\0';
}

bool
ulid_valid(const char *text)
{
	return strlen(text) == ULID_LENGTH && strspn(text, digits) == ULID_LENGTH && *text <= '7';
}

/* 48 bits stand in the first ten digits. */
int64_t
ulid_time(const char *text)
{
	int64_t time = 0;

	for (int i = 0; i < 10; i++)
		time = time << 5 | (int64_t)(strchr(digits, text[i]) - digits);
	return time;
}
