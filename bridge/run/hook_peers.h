/* hook_peers: who is connected to the listener: how many at once, and how long each may take. */
#ifndef SALLYPORT_RUN_HOOK_PEERS_H
#define SALLYPORT_RUN_HOOK_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct engine;
struct hook_settings;
struct peer;
struct peers;

struct peers *peers_open(const struct engine *, const struct hook_settings *);
void peers_close(struct peers *);               /* all have left */
size_t peers_count(const struct peers *);       /* those that were not told to go */

/* Whether one more may come from there. Where it is full, one goes that has no whole request there: whoever has waited longest of that address
 * which has most of them. Who works stays. */
bool peers_room(struct peers *, const struct sockaddr *);
void peers_dismiss(struct peers *);             /* all who have no whole request there */

struct peer *peer_new(struct peers *, int fd, const struct sockaddr *);         /* its deadline runs */
void peer_free(struct peer *);
bool peer_gone(const struct peer *);            /* it was told to go: nothing of it is served any more */
const char *peer_name(const struct peer *);     /* its address */
void peer_waits(struct peer *);                 /* for another request: it has the deadline again */
void peer_works(struct peer *, uint64_t task, int64_t ms);      /* its request is whole; that task is cancelled when it takes longer */
void peer_answers(struct peer *, size_t length);        /* it has the deadline to take that, and more for more */

#endif
