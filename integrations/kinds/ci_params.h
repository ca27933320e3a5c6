/* ci_params: whether what people give a job fits its parameters. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_CI_PARAMS_H
#define SALLYPORT_INTEGRATIONS_KINDS_CI_PARAMS_H

#include <stdbool.h>

struct arena;
struct error;
struct job;
struct job_param;
struct named;

const struct job_param *ci_param(const struct job *, const char *name);        /* NULL: it has none of that name */
/* What is wrong with the value: "target=prd is not staging or prod"; NULL where it fits. */
char *ci_misfit(struct arena *, const struct job_param *, const char *value);
/* "target, staging or prod": what people need to know to give it. */
char *ci_wanted(struct arena *, const struct job_param *);
/* One that would do, for an example. */
const char *ci_example(const struct job_param *);

#endif
