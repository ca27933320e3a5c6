/* backup: the state in a folder of its own: made while the gateway runs or not, and put back.
 *
 *     sallyport.db     the store, as it was at one moment
 *     manifest.json    which version made it, when, of which state, and what the audit in it is
 *     SHA256SUMS       of both: sha256sum -c SHA256SUMS
 *
 * No secret is in it: the store never has one. Folders of jobs are not in it either: they are the output of what has run, and cleared in time. */
#ifndef SALLYPORT_CLI_BACKUP_H
#define SALLYPORT_CLI_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/rights/audit.h"

#define BACKUP_STORE    "sallyport.db"
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_SUMS     "SHA256SUMS"

struct arena;
struct db;
struct error;
struct keep;

int backup_make(const struct keep *, const char *const *words);         /* FOLDER */
int backup_restore(const struct keep *, const char *const *words);      /* FOLDER|FILE */

/* A work: the store is sound; `with` is the struct audit_verdict of its audit. */
bool backup_check(struct db *, void *with, struct arena *, struct error *);

#endif
