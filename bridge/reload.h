/* reload: the configuration read anew while the gateway runs. */
#ifndef SALLYPORT_RELOAD_H
#define SALLYPORT_RELOAD_H

struct bridge;

/* A file with a mistake changes nothing: the configuration that is in force stays so. What has changed, or is wrong, goes to the log, the
 * audit and the operators' rooms. From the loop. */
void bridge_reload(struct bridge *);

#endif
