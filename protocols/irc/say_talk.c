/* say_talk: what somebody said in another chat, as lines of IRC. */
#include "protocols/irc/say.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/formatting.h"

enum { LINES = 10, FACT_MOST = 300 };

static void
add_plain(struct styled *styled, const char *text)
{
	const struct span plain = { .style = 0 };

	styled_add(styled, &plain, text, strlen(text));
}

/* shot.png, image, 214 KB https://gw.corp.example/f/Q3XK (until tomorrow 14:40) */
static void
add_file(struct arena *arena, struct styled *styled, const struct mirrored *mirrored)
{
	const struct attached *file = mirrored->file;
	size_t kind = strcspn(file->type, "/");
	struct text text = text_in(arena, FACT_MOST);

	text_add(&text, text_cut(arena, text_clean(arena, file->name, strlen(file->name)), 100));
	if (kind)
		text_printf(&text, ", %.*s", (int)(kind < 20 ? kind : 20), text_clean(arena, file->type, strlen(file->type)));
	if (file->size >= 0)
		text_printf(&text, ", %s", text_size(arena, file->size));
	add_plain(styled, text.bytes);
	if (!mirrored->url)
		return;
	add_plain(styled, " ");
	styled_add_linked(styled, 0, mirrored->url, strlen(mirrored->url));
	add_plain(styled, arena_printf(arena, " (until %s)", clock_time(arena, mirrored->until, clock_wall())));
}

static struct styled *
sentence(struct arena *arena, const struct say *say, const struct mirrored *mirrored)
{
	struct styled *styled = styled_new(arena, mirrored->words && mirrored->words->emote && mirrored->kind == MESSAGE_SAID);

	if (mirrored->kind == MESSAGE_TAKEN_BACK)
		add_plain(styled, "took a message back");
	else if (mirrored->kind == MESSAGE_EDITED)
		add_plain(styled, "edited: ");
	else if (mirrored->to)
		add_plain(styled, arena_printf(arena, "to %s \"%s\": ", strcmp(mirrored->to, say->nick) ? mirrored->to : "me", mirrored->quote));
	if (mirrored->file)
		add_file(arena, styled, mirrored);
	else if (mirrored->words)
		styled_append(styled, mirrored->words);
	return styled;
}

struct said
say_talk(struct arena *arena, const struct say *say, const struct mirrored *mirrored)
{
	const struct formatting how = { .who = mirrored->who, .defuse = say_is_here(say, mirrored->who, strlen(mirrored->who)), .width = say_room(say) - (say->again ? strlen(say_resent) : 0),
		.lines = say->lines ? say->lines : LINES, .codes = true };
	struct formatted lines = formatting_write(arena, sentence(arena, say, mirrored), &how);
	struct said said = { .size = lines.count + 1 };

	said.each = arena_take(arena, (said.size + 1) * sizeof *said.each);
	for (size_t i = 0; i < lines.count; i++)
		said.each[said.count++] = (struct said_line){ "PRIVMSG", lines.each[i], false, false };
	if (say->again && said.count)
		said.each[said.count - 1].text = arena_printf(arena, "%s%s", said.each[said.count - 1].text, say_resent);
	if (lines.left)
		said.each[said.count++] = (struct said_line){ "PRIVMSG", arena_printf(arena, "<%s> ... and %s more, to be read on %s", mirrored->who,
			text_size(arena, (int64_t)lines.left), mirrored->chat), false, false };
	return said;
}
