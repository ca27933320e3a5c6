/* files: links of ours to files that a chat keeps: a code that is known to nobody but who was given it, for a while. */
#ifndef SALLYPORT_TALK_FILES_H
#define SALLYPORT_TALK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;
struct task;

enum {
	FILES_CODE = 16,                /* characters of a code: 80 bits of chance */
	FILES_MOST = 16 << 20,          /* bytes of a file that is passed on; a larger one is not */
};

extern const struct tables files_tables;

struct file {
	const char *link;               /* whose chat keeps it */
	const char *id;                 /* as that chat calls it: mxc://corp.example/abc */
	const char *name, *type;        /* as its sender said; NULL: nothing */
	int64_t size;                   /* of it, as its sender said; 0: unknown */
	int64_t expires;                /* wall ms */
};

/* In the caller's transaction: a new code for it. What has expired goes, and so do the oldest where there are very many. The code itself is
 * kept nowhere: who loses it makes another. */
bool files_offer(struct db *, const struct file *, char code[FILES_CODE + 1], struct error *);
char *files_url(struct arena *, const char *hooks_url, const char *code);      /* talk->hooks_url */
bool files_shaped(const char *code);            /* it could be one; capitals count as small letters */
/* Waits. False with the task's error where the store failed; `found` says whether there is one that has not expired. */
bool files_find(struct task *, const char *code, struct file *out, bool *found);

#endif
