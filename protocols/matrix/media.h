/* media: files that the homeserver keeps: put there, and fetched with our token (client-server API, "Content repository"). */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_MEDIA_H
#define SALLYPORT_PROTOCOLS_MATRIX_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

struct fetched;
struct homeserver;
struct link;
struct task;

/* Its address (mxc://...), in the task's arena. NULL with the task's error; `*never`: it is of no use to try again. */
const char *media_put(struct task *, struct homeserver *, const char *name, const char *type, const char *bytes, size_t length, bool *never);
/* For struct protocol. */
bool media_fetch(struct task *, struct link *, const char *id, size_t most, struct fetched *);

#endif
