/* service_manager: what systemd is told of us: ready, reloading, stopping, one line of status, and that the loop still turns. Says nothing where
 * nobody listens ($NOTIFY_SOCKET), or where it was built without libsystemd. */
#ifndef SALLYPORT_SERVICE_MANAGER_H
#define SALLYPORT_SERVICE_MANAGER_H

struct loop;
struct manager;

/* From now on the watchdog hears from the loop itself, three times as often as it asks for: a loop that stands still is restarted. */
struct manager *manager_open(struct loop *);
void manager_close(struct manager *);

void manager_ready(void);                       /* also after a reload, taken or refused */
void manager_reloading(void);
void manager_stopping(void);
void manager_status(const char *line);

#endif
