/* words: what somebody could type: verbs, services and the short ids of what goes on; for the console's completion. */
#ifndef SALLYPORT_WORDS_H
#define SALLYPORT_WORDS_H

#include <stdbool.h>

struct bridge;
struct task;
struct text;

/* One a line, each once, only what the rules allow `account` in some room or in private. It waits; false with the task's error. */
bool words_list(struct task *, const struct bridge *, const char *account, struct text *out);

#endif
