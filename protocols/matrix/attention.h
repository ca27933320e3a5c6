/* attention: showing people that they were heard: the read marker, and that we are typing while a command is being carried out. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_ATTENTION_H
#define SALLYPORT_PROTOCOLS_MATRIX_ATTENTION_H

#include <stddef.h>

struct homeserver;
struct message;

/* For those of the messages that are commands. It waits for nothing; tasks of its own send what there is to send. */
void attention_pay(struct homeserver *, const struct message *, size_t count);

#endif
