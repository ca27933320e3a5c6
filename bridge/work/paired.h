/* paired: the accounts that people made their own, beyond those of the configuration. */
#ifndef SALLYPORT_WORK_PAIRED_H
#define SALLYPORT_WORK_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct audit_entry;
struct db;
struct error;
struct overlay;
struct tables;
struct talk;
struct task;

extern const struct tables account_tables;

enum { PAIRED_MOST = 10000, PAIRED_EACH = 8 };          /* in all, and of one person */

struct pairs;
struct pairs *pairs_new(void);
void pairs_free(struct pairs *);
bool pairs_load(struct task *, struct pairs *);         /* what an earlier life left; false with the task's error */
void pairs_overlay(const struct pairs *, struct arena *, struct overlay *);     /* its accounts, copied */

const char *pairs_person(const struct pairs *, const char *account);    /* whose it is; NULL: nobody paired it */
size_t pairs_count(const struct pairs *, const char *person);           /* person NULL: all */

/* Both wait, and write the row of the audit with it; false with the task's error, and nothing has changed. */
bool pairs_add(struct task *, struct pairs *, const char *account, const char *person, int64_t now, const struct audit_entry *);
bool pairs_remove(struct task *, struct pairs *, const char *account, const struct audit_entry *);
/* All of somebody who has left, for good: how many there were. Does not wait: what cannot be written now is tried again after the next start. */
size_t pairs_revoke(const struct talk *, const char *person);
const char *pairs_orphan(const struct pairs *, bool (*is_person)(const char *name, const void *with), const void *with);    /* the first of nobody; NULL */

#endif
