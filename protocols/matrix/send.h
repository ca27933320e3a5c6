/* send: saying something in a room of Matrix: new messages, edits, threads and reactions, each once whatever happens on the way. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_SEND_H
#define SALLYPORT_PROTOCOLS_MATRIX_SEND_H

#include <stdbool.h>

struct delivered;
struct delivery;
struct link;
struct task;

/* The homeserver knows a message by our device and the transaction id of its row, so that it is said once however often it is sent. */
bool send_delivery(struct task *, struct link *, const struct delivery *, struct delivered *);

#endif
