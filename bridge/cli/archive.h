/* archive: the audit in files: exported, archived with its proof, verified there. */
#ifndef SALLYPORT_CLI_ARCHIVE_H
#define SALLYPORT_CLI_ARCHIVE_H

struct keep;

/* `words` are those behind `audit export`, `audit archive`, `audit verify`. The exit code. */
int archive_export(const struct keep *, const char *const *words);
int archive_make(const struct keep *, const char *const *words);
int archive_verify(const struct keep *, const char *const *words);      /* without a store, too */

#endif
