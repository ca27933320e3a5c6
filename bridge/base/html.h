/* html: text as HTML shows it, by one encoder (threats O3). */
#ifndef SALLYPORT_BASE_HTML_H
#define SALLYPORT_BASE_HTML_H

struct text;

/* Adds plain text so that it reads as it is, in an element or in a quoted attribute. Line ends stay line ends. NULL adds nothing. */
void html_add(struct text *, const char *plain);

#endif
