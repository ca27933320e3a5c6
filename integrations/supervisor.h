/* supervisor: keeps one job of the runner: starts it, keeps its output, ends it in time, writes how it ended.
 *
 * It is a process of its own, which outlives the gateway: what they tell each other is files (job_folder.h). */
#ifndef SALLYPORT_INTEGRATIONS_SUPERVISOR_H
#define SALLYPORT_INTEGRATIONS_SUPERVISOR_H

/* `sallyport supervise FOLDER`: returns when the job was started, or with a sentence on stderr when it was not; what keeps the
 * job goes on. 0: started. EX_TEMPFAIL: it was started before, or may not start any more. */
int supervisor_main(const char *folder);

#endif
