/* process: programs we start: argv and never a shell, a clean environment, a group of their own, limits and a deadline. */
#ifndef SALLYPORT_RUN_PROCESS_H
#define SALLYPORT_RUN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct children;
struct engine;
struct error;
struct task;

struct children *children_open(const struct engine *);          /* watches SIGCHLD */
void children_close(struct children *);

struct process {
	const char *const *argv;        /* argv[0] is an absolute path */
	const char *const *env;         /* NAME=value, ended by NULL; NULL: only PATH, LANG=C.UTF-8 and HOME=/ */
	const char *folder;             /* where it runs; NULL: / */
	const char *input;              /* its standard input; NULL: none */
	unsigned seconds;               /* then its group gets SIGTERM, 2 s later SIGKILL; 0: 30 */
	size_t most;                    /* bytes of output kept; 0: 64 KiB; the rest is read and dropped */
};

struct process_end {
	int status;                     /* as exit(); -1 where a signal ended it */
	int signal;                     /* 0, or that one */
	bool late;                      /* the deadline ended it */
	bool cut;                       /* there was more output */
	char *output;                   /* standard output and error as they came, ended by NUL; in the task's arena */
	size_t length;
};

/* Runs it to its end. False with the task's error where it could not be started, or where the task was cancelled (then
 * the group is killed). A program that ended badly is true: look at status. */
bool process_run(struct task *, const struct process *, struct process_end *);

#endif
