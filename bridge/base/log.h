/* log: what happened, for the operator: one line an event on stderr, secrets taken out. */
#ifndef SALLYPORT_BASE_LOG_H
#define SALLYPORT_BASE_LOG_H

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

/* Lines below `least` are dropped. Every line passes redact_text() (redact.h). Safe on any thread. LOG_TEXT is for people, LOG_JSON one
 * object a line: time, level, command, text. */
enum log_form { LOG_TEXT, LOG_JSON };
void log_open(enum log_level least, enum log_form);
/* What this thread logs from now on belongs to the command of that number (NULL: to none). Borrowed: it must stay until it is set anew. */
void log_number(const char *);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
