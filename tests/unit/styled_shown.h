/* styled_shown: each span as STYLE[text](url){account}, so that a test of what was said is one line. */
#ifndef SALLYPORT_TESTS_STYLED_SHOWN_H
#define SALLYPORT_TESTS_STYLED_SHOWN_H

#include "bridge/base/text.h"
#include "bridge/talk/styled.h"

static inline const char *
styled_shown(struct arena *arena, const struct styled *styled)
{
	struct text text = text_in(arena, 1 << 20);

	for (size_t i = 0; i < styled->count; i++) {
		const struct span *span = &styled->spans[i];
		for (size_t bit = 0; bit < 5; bit++)
			if (span->style & 1u << bit)
				text_add_bytes(&text, &"biusc"[bit], 1);
		text_printf(&text, "[%s]", span->text);
		if (span->url)
			text_printf(&text, "(%s)", span->url);
		if (span->account)
			text_printf(&text, "{%s}", span->account);
	}
	return text.bytes;
}

#endif
