/* clock_watch: the wall clock is held against the monotonic one, which nobody sets. */
#include "bridge/clock_watch.h"

#include <stdlib.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"

enum {
	LOOK_EVERY = 2000,              /* ms */
	STEP = 5000,                    /* ms; a clock that is only made to run faster or slower does not get so far between two looks */
};

struct clock_watch {
	const struct engine *engine;
	struct watch *timer;
	int64_t apart;                  /* the wall clock less the monotonic one, at the last look */
};

static int64_t
apart_now(void)
{
	return clock_wall() - clock_mono();
}

static bool
write_step(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return audit_write(db, with, error);
}

static void
tell(const struct clock_watch *clocks, int64_t step)
{
	struct work *work = work_new(write_step, sizeof(struct audit_entry));
	struct arena *arena = work_arena(work);
	const char *said = step > 0
		? arena_printf(arena, "the wall clock went forward by %s: it was set, or this machine slept", clock_span(arena, step))
		: arena_printf(arena, "the wall clock was set back by %s", clock_span(arena, -step));

	log_warning("The clock was changed: %s. What waits here goes on by the monotonic clock; people's messages may be refused as too old while clocks differ.", said);
	*(struct audit_entry *)work_with(work) = (struct audit_entry){ .what = "clock", .result = said };
	store_queue(clocks->engine->store, work, NULL, NULL);
}

static void
look(void *with, int events)
{
	struct clock_watch *clocks = with;
	int64_t apart = apart_now(), step = apart - clocks->apart;

	(void)events;
	clocks->apart = apart;
	if (step > STEP || step < -STEP)
		tell(clocks, step);
	watch_after(clocks->timer, LOOK_EVERY);
}

struct clock_watch *
clock_watch_open(const struct engine *engine)
{
	struct clock_watch *clocks = memory_take(sizeof *clocks);

	*clocks = (struct clock_watch){ engine, loop_timer(engine->loop, look, clocks), apart_now() };
	watch_after(clocks->timer, LOOK_EVERY);
	return clocks;
}

void
clock_watch_close(struct clock_watch *clocks)
{
	if (clocks)
		watch_free(clocks->timer);
	free(clocks);
}
