/* batch: what a server says together: open batches, and the messages of many lines (draft/multiline) that are in them. */
#include "protocols/irc/batch.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"

enum { ACCOUNT_SIZE = 200 };

void
batch_close(struct batch *batch)
{
	arena_free(batch->arena);
	*batch = (struct batch){ 0 };
}

void
batches_end(struct batches *batches)
{
	for (size_t i = 0; i < BATCHES_MOST; i++)
		batch_close(&batches->each[i]);
}

struct batch *
batch_named(struct batches *batches, const char *ref)
{
	for (size_t i = 0; i < BATCHES_MOST && *ref; i++)
		if (!strcmp(batches->each[i].ref, ref))
			return &batches->each[i];
	return NULL;
}

struct batch *
batch_of(struct batches *batches, const struct irc_line *line)
{
	char ref[LINE_LABEL_MOST + 1];

	return line_tag(line, "batch", ref, sizeof ref) ? batch_named(batches, ref) : NULL;
}

/* One that is free, or else the oldest: whoever leaves batches open keeps nobody from being heard. */
static struct batch *
make_room(struct batches *batches)
{
	struct batch *oldest = &batches->each[0];

	for (size_t i = 0; i < BATCHES_MOST; i++)
		if (batches->each[i].number < oldest->number)
			oldest = &batches->each[i];
	batch_close(oldest);
	return oldest;
}

/* What answers us within an answer answers us too. */
static void
take_label(struct batches *batches, const struct irc_line *line, struct batch *batch)
{
	const struct batch *around = batch_of(batches, line);

	if (!line_tag(line, "label", batch->label, sizeof batch->label))
		memcpy(batch->label, around ? around->label : "", around ? sizeof batch->label : 1);
}

static void
begin_message(struct batch *batch, const struct irc_line *line)
{
	batch->arena = arena_new();
	batch->tags = arena_text(batch->arena, line->tags);
	batch->prefix = arena_text(batch->arena, line->prefix);
	batch->target = arena_text(batch->arena, line_param(line, 2));
	batch->text = text_in(batch->arena, BATCH_BYTES_MOST);
}

void
batch_open(struct batches *batches, const struct irc_line *line)
{
	const char *ref = line_param(line, 0) + (*line_param(line, 0) == '+');
	struct batch fresh = { .number = ++batches->opened }, *again = batch_named(batches, ref);

	if (!*ref || strlen(ref) > LINE_LABEL_MOST)
		return;
	strcpy(fresh.ref, ref);
	take_label(batches, line, &fresh);
	/* Two of one name: nobody can tell what is in which. */
	fresh.broken = again != NULL;
	if (again)
		batch_close(again);
	if (!fresh.broken && !strcmp(line_param(line, 1), "draft/multiline") && line->count == 3)
		begin_message(&fresh, line);
	*make_room(batches) = fresh;
}

static bool
same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Whose it is stands on the line that opened it; a line that says otherwise is not of this message. */
static bool
same_account(const struct batch *batch, const struct irc_line *line)
{
	const struct irc_line opening = { .tags = batch->tags };
	char whose[ACCOUNT_SIZE], other[ACCOUNT_SIZE];

	if (!line_tagged(line, "account"))
		return true;
	return line_tag(line, "account", other, sizeof other) && line_tag(&opening, "account", whose, sizeof whose) && !strcmp(whose, other);
}

static bool
belongs(const struct batch *batch, const struct irc_line *line)
{
	bool talk = !strcmp(line->command, "PRIVMSG") || !strcmp(line->command, "NOTICE");

	return talk && line->count == 2 && (!batch->command || !strcmp(batch->command, line->command)) && same(batch->prefix, line->prefix)
		&& same(batch->target, line->params[0]) && *line->params[1] != '\001' && same_account(batch, line) && batch->lines < BATCH_LINES_MOST;
}

void
batch_add(struct batch *batch, const struct irc_line *line)
{
	batch->broken = batch->broken || !batch->arena || !belongs(batch, line);
	if (batch->broken)
		return;
	if (batch->lines++ && !line_tagged(line, "draft/multiline-concat"))
		text_add(&batch->text, "\n");
	if (!batch->command)
		batch->command = arena_text(batch->arena, line->command);
	text_add(&batch->text, line->params[1]);
	batch->broken = batch->text.cut;
}

static bool
of_nick(const struct batch *batch, const char *nick, size_t length)
{
	return length && batch->prefix && !strncasecmp(batch->prefix, nick, length) && batch->prefix[length] == '!';
}

void
batch_mind(struct batches *batches, const struct irc_line *line)
{
	static const char *const ends[] = { "ACCOUNT", "CHGHOST", "KICK", "NICK", "PART", "QUIT" };
	bool ended = false;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		ended = ended || !strcmp(ends[i], line->command);
	const char *nick = !strcmp(line->command, "KICK") ? line_param(line, 1) : line->prefix ? line->prefix : "";
	const char *to = !strcmp(line->command, "NICK") ? line_param(line, 0) : "";
	for (size_t i = 0; i < BATCHES_MOST && ended; i++)
		if (of_nick(&batches->each[i], nick, strcspn(nick, "!")) || of_nick(&batches->each[i], to, strlen(to)))
			batches->each[i].broken = true;
}

bool
batch_message(const struct batch *batch, struct irc_line *out)
{
	if (batch->broken || !batch->command)
		return false;
	*out = (struct irc_line){ .tags = batch->tags, .prefix = batch->prefix, .command = batch->command,
		.params = { batch->target, batch->text.bytes }, .count = 2 };
	return true;
}
