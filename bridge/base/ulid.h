/* ulid: identifiers that nobody gives out twice: 48 bits of time, 80 of chance, as 26 characters. */
#ifndef SALLYPORT_BASE_ULID_H
#define SALLYPORT_BASE_ULID_H

#include <stdbool.h>
#include <stdint.h>

#define ULID_LENGTH 26

void ulid_make(char out[ULID_LENGTH + 1]);
bool ulid_valid(const char *);
int64_t ulid_time(const char *);                /* of a valid one: when it was made, wall ms */

#endif
