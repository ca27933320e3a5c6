/* verify: whether the audit is as it was written, and as it was signed. */
#ifndef SALLYPORT_CLI_VERIFY_H
#define SALLYPORT_CLI_VERIFY_H

struct keep;

/* `words` are those behind `audit verify` and `audit checkpoint`. The exit code: 0, 1 where something is not as it was. No gateway is asked: what
 * lies on the disk is read. */
int verify_audit(const struct keep *, const char *const *words);        /* files are verified without a store, too */
int verify_checkpoint(const struct keep *, const char *const *words);

#endif
