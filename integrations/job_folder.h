/* job_folder: what the gateway and the supervisor of a job share: a folder STATE/jobs/KEY, and nothing else.
 *
 *     job        what to run, as JSON; written by the gateway before it starts the supervisor
 *     lock       held while the supervisor lives; the system forgets it with the process, and tells which one holds it
 *     began      made once: whoever makes it may start the job, or says that it never starts
 *     output.0   the beginning of what it printed; the last two of output.1, output.2 ... the end of it
 *     stop       who wants it stopped; the supervisor is then sent SIGTERM
 *     end        how it ended, as JSON; it appears whole or not at all
 *     work/      where it runs, and its HOME, unless it has a folder of its own */
#ifndef SALLYPORT_INTEGRATIONS_JOB_FOLDER_H
#define SALLYPORT_INTEGRATIONS_JOB_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;

#define JOB_FILE    "job"
#define LOCK_FILE   "lock"
#define BEGAN_FILE  "began"
#define OUTPUT_FILE "output."
#define STOP_FILE   "stop"
#define END_FILE    "end"
#define WORK_FOLDER "work"

/* The whole file, ended by NUL; NULL where it is not there, is more than `most` bytes, or is no plain file. */
char *job_folder_read(struct arena *, const char *folder, const char *file, size_t most, size_t *length);
/* A new file; false with errno where it is there already, or cannot be written. */
bool job_folder_write(const char *folder, const char *file, const char *text);
/* The end of the output, at most `most` bytes; *cut: there was more. */
char *job_folder_output(struct arena *, const char *folder, size_t most, size_t *length, bool *cut);

int job_folder_lock(const char *folder);        /* held until it is closed, or the process ends; -1: somebody holds it */
pid_t job_folder_holder(const char *folder);    /* who holds it; 0: nobody */

/* The names of the folders in `jobs`, the newest first, ended by NULL; at most `most`. */
const char *const *job_folder_list(struct arena *, const char *jobs, size_t most);
/* Removes what ended long ago, or is one of too many: work folders, output and all. */
void job_folder_prune(const char *jobs);

#endif
