/* flood: lines that wait until the server lets us say more. */
#include "protocols/irc/flood.h"

#include <assert.h>
#include <stdlib.h>

#include "bridge/base/arena.h"
#include "protocols/irc/line.h"

struct flood_line {
	struct flood_line *next;
	enum flood_how how;
	struct written line;            /* only as much of it as is written */
};

void
flood_begin(struct flood *flood, int64_t burst, int64_t rate)
{
	*flood = (struct flood){ .burst = burst, .rate = rate };
}

void
flood_slow(int64_t *burst, int64_t *rate, unsigned times)
{
	for (; times > 0; times--) {
		*burst = *burst > 1 ? *burst / 2 : 1;
		*rate *= 2;
	}
}

void
flood_end(struct flood *flood)
{
	while (flood->first) {
		struct flood_line *line = flood->first;
		flood->first = line->next;
		free(line);
	}
	*flood = (struct flood){ .burst = flood->burst, .rate = flood->rate };
}

bool
flood_room(const struct flood *flood, size_t lines)
{
	return lines <= FLOOD_MOST && flood->count <= FLOOD_MOST - lines;
}

static struct flood_line *
new_line(const struct written *written)
{
	struct flood_line *line = memory_take(offsetof(struct flood_line, line.bytes) + written->length + 1);

	assert(written->length);
	line_copy(&line->line, written);
	return line;
}

void
flood_put(struct flood *flood, const struct written *written, enum flood_how how)
{
	struct flood_line *line = new_line(written);

	line->how = how;
	if (flood->last)
		flood->last->next = line;
	else
		flood->first = line;
	flood->last = line;
	flood->count++;
}

void
flood_put_first(struct flood *flood, const struct written *written)
{
	struct flood_line *line = new_line(written);

	line->next = flood->first;
	flood->first = line;
	if (!flood->last)
		flood->last = line;
	flood->count++;
}

bool
flood_along(const struct flood *flood)
{
	return flood->first && flood->first->how == FLOOD_ALONG;
}

/* ms until the next line may leave: `burst` of them may be owed at once. */
static int64_t
must_wait(const struct flood *flood, int64_t now)
{
	int64_t owed = flood->paid - now;

	if (flood->first->how != FLOOD_PACED || flood->rate == 0 || owed <= (flood->burst - 1) * flood->rate)
		return 0;
	return owed - (flood->burst - 1) * flood->rate;
}

bool
flood_take(struct flood *flood, int64_t now, struct written *out, int64_t *wait)
{
	struct flood_line *line = flood->first;

	*wait = line ? must_wait(flood, now) : -1;
	if (*wait != 0)
		return false;
	flood->paid = (flood->paid > now ? flood->paid : now) + (line->how == FLOOD_PROOF ? flood->rate / 2 : flood->rate);
	line_copy(out, &line->line);
	flood->first = line->next;
	if (!flood->first)
		flood->last = NULL;
	flood->count--;
	free(line);
	return true;
}
