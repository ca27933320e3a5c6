/* private: a room with one person alone. Clients encrypt those that they open, so we open one ourselves. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_PRIVATE_H
#define SALLYPORT_PROTOCOLS_MATRIX_PRIVATE_H

struct homeserver;
struct matrix_room;
struct task;

/* The room that we share with that user alone and may write in: opened where there is none. NULL with the task's error. */
const struct matrix_room *private_room(struct task *, struct homeserver *, const char *user);

#endif
