/* people: who people are beyond what the configuration says: what was added while we run is laid over its rights, anew at every change. */
#ifndef SALLYPORT_WORK_PEOPLE_H
#define SALLYPORT_WORK_PEOPLE_H

#include <stdbool.h>

struct people;
struct request;
struct rights;
struct snapshot;
struct talk;
struct task;

struct people *people_open(struct talk *);      /* whose `rights` and `snapshot` it keeps from here on */
void people_close(struct people *);             /* every task has ended */
/* This configuration is in force now. */
void people_configured(struct people *, const struct rights *, struct snapshot *);
void people_changed(struct people *);           /* something was added or taken away */
/* Whoever is no person any more loses what is theirs: accounts they paired, roles for a while, one-time codes. */
void people_left(struct people *);
bool people_load(struct task *, struct people *);       /* what an earlier life left; false with the task's error */

bool people_is_admin(const struct request *);   /* who asks is one of `admins` */

#endif
