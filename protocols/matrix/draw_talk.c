/* draw_talk: what somebody said in another chat, as Matrix shows it. */
#include "protocols/matrix/draw.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/html.h"

enum { BYTES_MOST = 40 << 10 };

static void
add(struct styled *styled, unsigned style, const char *text)
{
	const struct span how = { .style = style };

	styled_add(styled, &how, text, strlen(text));
}

static void
add_file(struct arena *arena, struct styled *styled, const struct mirrored *mirrored)
{
	const struct attached *file = mirrored->file;
	const struct span link = { .url = mirrored->url };

	styled_add(styled, &link, file->name, strlen(file->name));
	if (file->size >= 0)
		add(styled, 0, arena_printf(arena, ", %s", text_size(arena, file->size)));
	if (mirrored->url)
		add(styled, 0, arena_printf(arena, " (until %s)", clock_time(arena, mirrored->until, clock_wall())));
}

/* An action goes on as it began. */
static void
add_words(struct styled *styled, const struct styled *words)
{
	for (size_t i = 0; i < words->count; i++) {
		struct span how = words->spans[i];
		how.style |= words->emote ? STYLE_ITALIC : 0;
		styled_add(styled, &how, words->spans[i].text, strlen(words->spans[i].text));
	}
}

static void
add_one(struct arena *arena, struct styled *styled, const struct mirrored *mirrored)
{
	bool emote = mirrored->words && mirrored->words->emote;

	add(styled, emote ? STYLE_ITALIC : STYLE_BOLD, mirrored->who);
	if (emote)
		add(styled, STYLE_ITALIC, " ");
	else
		add(styled, 0, arena_printf(arena, " (%s): ", mirrored->chat));
	if (mirrored->file)
		add_file(arena, styled, mirrored);
	else if (mirrored->words)
		add_words(styled, mirrored->words);
}

/* A line each, where there are several in one message. */
struct drawing
draw_talk(struct arena *arena, const struct mirrored *mirrored)
{
	struct styled *styled = styled_new(arena, false);

	for (const struct mirrored *one = mirrored; one; one = one->next) {
		if (one != mirrored)
			add(styled, 0, "\n");
		add_one(arena, styled, one);
	}
	struct html_message message = html_write(arena, styled, BYTES_MOST);
	return (struct drawing){ message.body, message.formatted };
}
