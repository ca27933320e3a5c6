/* bodies: bodies of webhooks for tests: those of the shared folder, and every body with one of its nodes gone, null or of another type. */
#ifndef SALLYPORT_TESTS_BODIES_H
#define SALLYPORT_TESTS_BODIES_H

#include <stddef.h>

struct arena;
struct json_object;

/* A file of SALLYPORT_SHARED/payloads; skips the test where it is absent. */
const char *bodies_shared(struct arena *, const char *path);

/* Calls `each` with a fresh copy for every node and every way to spoil it; how often. `arena` lives as long as that call. */
size_t bodies_spoiled(const char *json, void (*each)(struct arena *, struct json_object *, void *with), void *with);

#endif
