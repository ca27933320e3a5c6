/* ask_hooks: what whoever runs the gateway asks it about webhooks. */
#include "bridge/ask_hooks.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/report_inbox.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/work/inbox.h"

enum { ANSWER_MOST = 8 << 20 };

struct listing {
	const char **words;
	struct text out;
	int code;
};

static bool
list_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct listing *listing = with;

	listing->out = text_in(arena, ANSWER_MOST);
	return report_inbox(db, listing->words, arena, &listing->out, &listing->code, error);
}

static bool
list(struct task *task, const char *const *words, char **answer, int *exit_code)
{
	struct work *work = work_new(list_rows, sizeof(struct listing));
	struct listing *listing = work_with(work);
	size_t count = 0;

	while (words[count])
		count++;
	listing->words = arena_take(work_arena(work), (count + 1) * sizeof *listing->words);
	for (size_t i = 0; i < count; i++)
		listing->words[i] = arena_text(work_arena(work), words[i]);
	if (!store_commit(task, work))
		return false;
	*answer = redact_text(task->arena, listing->out.bytes);
	*exit_code = listing->code;
	return true;
}

static bool
replay(struct task *task, struct bridge *bridge, const char *number, const char *account, char **answer, int *exit_code)
{
	char *end = NULL;
	long long id = number ? strtoll(number, &end, 10) : 0;
	bool found;

	if (id <= 0 || *end) {
		*answer = task_text(task, "It is hooks replay NUMBER; sallyport hooks list shows the numbers.\n");
		*exit_code = EX_USAGE;
		return true;
	}
	if (!inbox_replay(task, bridge->inbox, id, account, &found))
		return false;
	*answer = found ? task_text(task, "%lld is carried out once more.\n", id)
		: task_text(task, "There is no webhook %lld that has ended; sallyport hooks list shows those of the last 7 days.\n", id);
	*exit_code = found ? EX_OK : 1;
	return true;
}

bool
ask_hooks(struct task *task, struct bridge *bridge, const char *const *words, const char *account, char **answer, int *exit_code)
{
	if (words[0] && !strcmp(words[0], "list"))
		return list(task, words + 1, answer, exit_code);
	if (words[0] && !strcmp(words[0], "replay"))
		return replay(task, bridge, words[1], account, answer, exit_code);
	*answer = task_text(task, "It is hooks list or hooks replay NUMBER.\n");
	*exit_code = EX_USAGE;
	return true;
}
