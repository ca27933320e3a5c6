/* service_manager: what systemd is told of us. */
#include "config.h"

#include "bridge/service_manager.h"

#include "bridge/run/loop.h"

#ifdef HAVE_LIBSYSTEMD

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "bridge/base/arena.h"

void
manager_ready(void)
{
	sd_notify(0, "READY=1");
}

void
manager_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
manager_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void
manager_status(const char *line)
{
	sd_notifyf(0, "STATUS=%s", line);
}

struct manager {
	struct watch *watchdog;
	int64_t every;                  /* ms */
};

static void
loop_turns(void *with, int events)
{
	const struct manager *manager = with;

	(void)events;
	sd_notify(0, "WATCHDOG=1");
	watch_after(manager->watchdog, manager->every);
}

struct manager *
manager_open(struct loop *loop)
{
	struct manager *manager = memory_take(sizeof *manager);
	uint64_t wanted;

	if (sd_watchdog_enabled(0, &wanted) > 0) {
		manager->every = (int64_t)(wanted / 3000) + 1;
		manager->watchdog = loop_timer(loop, loop_turns, manager);
		loop_turns(manager, 0);
	}
	return manager;
}

void
manager_close(struct manager *manager)
{
	if (!manager)
		return;
	watch_free(manager->watchdog);
	free(manager);
}

#else

void manager_ready(void) { }
void manager_reloading(void) { }
void manager_stopping(void) { }
void manager_status(const char *line) { (void)line; }

struct manager *manager_open(struct loop *loop) { (void)loop; return NULL; }
void manager_close(struct manager *manager) { (void)manager; }

#endif
