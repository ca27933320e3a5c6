/* error: one sentence to the person who must act. */
#include "bridge/base/error.h"

#include <stdio.h>
#include <string.h>

/* Takes back the bytes of a character that was cut. */
static void
mend_end(char *text)
{
	size_t length = strlen(text), back = 0;

	while (back < 4 && back < length && ((unsigned char)text[length - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < length && ((unsigned char)text[length - 1 - back] & 0xc0) == 0xc0)
		text[length - 1 - back] = '\0';
}

bool
error_vset(struct error *error, const char *format, va_list values)
{
	if (!error)
		return false;
	int length = vsnprintf(error->text, sizeof error->text, format, values);
	if (length >= (int)sizeof error->text)
		mend_end(error->text);
	return false;
}

bool
error_set(struct error *error, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	error_vset(error, format, values);
	va_end(values);
	return false;
}
