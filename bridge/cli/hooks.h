/* hooks: sallyport hooks try and test: what a webhook would look like in the chats, and whether it would reach us. */
#ifndef SALLYPORT_CLI_HOOKS_H
#define SALLYPORT_CLI_HOOKS_H

#include <stdbool.h>

struct instance;
struct setup;
struct task;

/* Of a configuration without mistakes; `words` are ended by NULL. The exit code. */
int hooks_try(const struct setup *, const char *const *words);          /* SERVICE FILE: nothing is sent, no gateway is asked */
int hooks_test(const struct setup *, const char *const *words);         /* SERVICE: sends one that is proven, and changes nothing */

/* Its service of that name that takes webhooks; NULL after a sentence on stderr. */
const struct instance *hooks_instance(const struct setup *, const char *name);
/* Runs it on a task, with what a task needs of the world but a store. False after a sentence on stderr. */
bool hooks_run(const struct setup *, void (*run)(struct task *, void *), void *with);

#endif
