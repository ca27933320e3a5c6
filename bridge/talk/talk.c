/* talk: a configuration stays where it is until the last task that reads it has ended. */
#include "bridge/talk/talk.h"

#include <stdbool.h>
#include <stdlib.h>

#include "bridge/base/arena.h"
#include "bridge/run/task.h"

struct snapshot {
	unsigned holders;
	bool replaced;
	void (*let_go)(void *);
	void *what;
};

struct snapshot *
snapshot_new(void (*let_go)(void *), void *what)
{
	struct snapshot *snapshot = memory_take(sizeof *snapshot);

	snapshot->let_go = let_go;
	snapshot->what = what;
	return snapshot;
}

static void
end_if_unused(struct snapshot *snapshot)
{
	if (snapshot->holders || !snapshot->replaced)
		return;
	snapshot->let_go(snapshot->what);
	free(snapshot);
}

void
snapshot_hold(struct snapshot *snapshot)
{
	snapshot->holders++;
}

void
snapshot_release(struct snapshot *snapshot)
{
	snapshot->holders--;
	end_if_unused(snapshot);
}

void
snapshot_replaced(struct snapshot *snapshot)
{
	snapshot->replaced = true;
	end_if_unused(snapshot);
}

static void
release(void *with)
{
	snapshot_release(with);
}

void
talk_hold(struct task *task, const struct talk *talk)
{
	if (!talk->snapshot)
		return;
	snapshot_hold(talk->snapshot);
	task_defer(task, release, talk->snapshot);
}
