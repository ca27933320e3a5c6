/* membership: being in the rooms of the configuration: joining, being invited, thrown out, led elsewhere, and shut out by encryption. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_MEMBERSHIP_H
#define SALLYPORT_PROTOCOLS_MATRIX_MEMBERSHIP_H

#include <stdbool.h>

struct event;
struct homeserver;
struct link;
struct matrix_room;
struct task;

/* Joins those rooms of the configuration that we are not in and whose time has come. What fails is tried again later. */
void membership_join(struct task *, struct homeserver *);
/* Taken only from those whom the configuration names, and only into its rooms or into a private one. */
void membership_invited(struct task *, struct homeserver *, const char *room, const char *by, bool direct);
/* We are in no more; `event` says who did that, NULL: nobody knows. */
void membership_lost(struct homeserver *, struct matrix_room *, const struct event *);
void membership_encrypted(struct homeserver *, struct matrix_room *);
void membership_replaced(struct task *, struct homeserver *, struct matrix_room *, const struct event *);
/* Tells `status` how it is, where that has changed. */
void membership_report(struct homeserver *);

/* The protocol's gone(): asks the server about somebody. */
bool membership_gone(struct task *, struct link *, const char *channel, const char *account);

#endif
