/* ask_hooks: what whoever runs the gateway asks it about webhooks: which came, and one of them once more. */
#ifndef SALLYPORT_ASK_HOOKS_H
#define SALLYPORT_ASK_HOOKS_H

#include <stdbool.h>

struct bridge;
struct task;

/* `words`: list ..., replay NUMBER. Waits; false with the task's error. */
bool ask_hooks(struct task *, struct bridge *, const char *const *words, const char *account, char **answer, int *exit_code);

#endif
