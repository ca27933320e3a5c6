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

static void
push(struct flood_queue *queue, struct flood_line *line)
{
	if (queue->last)
		queue->last->next = line;
	else
		queue->first = line;
	queue->last = line;
	queue->count++;
}

static void
drop_first(struct flood_queue *queue)
{
	struct flood_line *line = queue->first;

	queue->first = line->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	free(line);
}

void
flood_end(struct flood *flood)
{
	while (flood->lines.first)
		drop_first(&flood->lines);
	while (flood->spare.first)
		drop_first(&flood->spare);
	*flood = (struct flood){ .burst = flood->burst, .rate = flood->rate };
}

bool
flood_room(const struct flood *flood, size_t lines)
{
	return lines <= FLOOD_MOST && flood->lines.count <= FLOOD_MOST - lines;
}

static struct flood_line *
new_line(const struct written *written, enum flood_how how)
{
	struct flood_line *line = memory_take(offsetof(struct flood_line, line.bytes) + written->length + 1);

	assert(written->length);
	line->how = how;
	line_copy(&line->line, written);
	return line;
}

void
flood_put(struct flood *flood, const struct written *written, enum flood_how how)
{
	push(&flood->lines, new_line(written, how));
}

void
flood_put_first(struct flood *flood, const struct written *written)
{
	struct flood_line *line = new_line(written, FLOOD_PACED);

	line->next = flood->lines.first;
	flood->lines.first = line;
	if (!flood->lines.last)
		flood->lines.last = line;
	flood->lines.count++;
}

void
flood_put_spare(struct flood *flood, const struct written *written, bool goes_on)
{
	push(&flood->spare, new_line(written, goes_on ? FLOOD_GOES_ON : FLOOD_PACED));
}

/* An answer of which nothing has left yet goes as a whole; where no limit holds them back they wait for the server alone. */
bool
flood_spare_shorten(struct flood *flood)
{
	struct flood_queue *spare = &flood->spare;
	size_t most = flood->rate ? FLOOD_SPARE_MOST : FLOOD_MOST, before = spare->count;

	while (spare->count > most) {
		drop_first(spare);
		while (spare->first && spare->first->how == FLOOD_GOES_ON)
			drop_first(spare);
	}
	return spare->count < before;
}

bool
flood_along(const struct flood *flood)
{
	return flood->lines.first && flood->lines.first->how == FLOOD_ALONG;
}

/* ms until the line may leave: `burst` of them may be owed at once. */
static int64_t
must_wait(const struct flood *flood, const struct flood_line *line, int64_t burst, int64_t now)
{
	int64_t owed = flood->paid - now, free_of_charge = (burst - 1) * flood->rate;

	if (line->how == FLOOD_PROOF || line->how == FLOOD_ALONG || flood->rate == 0 || owed <= free_of_charge)
		return 0;
	return owed - free_of_charge;
}

/* What waits for spare room leaves one line's worth of it to whoever comes next. */
static int64_t
until_next(const struct flood *flood, int64_t now)
{
	if (flood->lines.first)
		return must_wait(flood, flood->lines.first, flood->burst, now);
	if (flood->spare.first)
		return must_wait(flood, flood->spare.first, flood->burst > 1 ? flood->burst - 1 : 1, now);
	return -1;
}

bool
flood_take(struct flood *flood, int64_t now, struct written *out, int64_t *wait)
{
	struct flood_queue *queue = flood->lines.first ? &flood->lines : &flood->spare;

	*wait = until_next(flood, now);
	if (*wait != 0)
		return false;
	flood->paid = (flood->paid > now ? flood->paid : now) + (queue->first->how == FLOOD_PROOF ? flood->rate / 2 : flood->rate);
	line_copy(out, &queue->first->line);
	drop_first(queue);
	return true;
}
