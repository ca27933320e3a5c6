/* archive: the audit in files: exported, and archived with its proof. */
#ifndef SALLYPORT_CLI_ARCHIVE_H
#define SALLYPORT_CLI_ARCHIVE_H

struct keep;

/* `words` are those behind `audit export`, `audit archive`. The exit code. */
int archive_export(const struct keep *, const char *const *words);
int archive_make(const struct keep *, const char *const *words);

#endif
