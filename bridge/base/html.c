/* html: text as HTML shows it. */
#include "bridge/base/html.h"

#include <string.h>

#include "bridge/base/text.h"

static const struct {
	char plain;
	const char *written;
} escapes[] = {
	{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" },
};

static const char *
escape_of(char plain)
{
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
		if (escapes[i].plain == plain)
			return escapes[i].written;
	return "";
}

void
html_add(struct text *to, const char *plain)
{
	while (plain && *plain) {
		size_t as_it_is = strcspn(plain, "&<>\"'");
		text_add_bytes(to, plain, as_it_is);
		plain += as_it_is;
		if (*plain)
			text_add(to, escape_of(*plain++));
	}
}
