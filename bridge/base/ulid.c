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
	unsigned char chance[10];
	uint64_t high = (uint64_t)clock_wall() << 16, low = 0;

	/* The kernel gives 10 bytes at once or, before it has any, waits: it never gives fewer. */
	if (getrandom(chance, sizeof chance, 0) != sizeof chance)
		abort();
	high |= (uint64_t)chance[0] << 8 | chance[1];
	memcpy(&low, chance + 2, sizeof low);
	/* 128 bits from the right, five at a time; the first digit has the three that are left over. */
	for (int i = ULID_LENGTH - 1; i >= 0; i--) {
		out[i] = digits[low & 31];
		low = low >> 5 | high << 59;
		high >>= 5;
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
