/* alerts_rows: what we know of each group of alerts, as rows of the store. All of it runs on the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ROWS_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts.h"

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables alert_tables;

#define ALERTS_KIND "alerts"

enum alert_state { ALERT_FIRING, ALERT_ACKED, ALERT_SILENCED, ALERT_RESOLVED };
const char *alert_state_word(enum alert_state);

/* One group. Foreign text in it is clean and bounded. */
struct alert_row {
	int64_t id;                     /* 0: it is new */
	const char *instance, *key, *also, *label;
	const char *name, *object;
	const char *labels;             /* JSON: what all its alerts have */
	const char *alerts;             /* JSON: some of them */
	const char *text, *url, *runbook;
	enum severity severity;
	enum alert_state state;
	int64_t firing, held, omitted;  /* alerts; held ones are among the firing */
	int64_t since, ended;
	int64_t told;                   /* when its state was told last */
	int64_t heard;                  /* when the service said something of it */
	struct alert_ack ack;
	bool ack_ours;                  /* the service knows nothing of it */
	const char *silence;            /* the service's id of what holds it; NULL: none, or not known */
	int64_t reminded, reminders;
	const char *rooms;              /* JSON: names of rooms that were told */
	const char *drawn;              /* what is drawn of it, in short; NULL: nothing yet */
};

bool alert_row_by_key(struct db *, struct arena *, const char *instance, const char *key, struct alert_row *);
bool alert_row_by_also(struct db *, struct arena *, const char *instance, const char *also, struct alert_row *);
bool alert_row_by_label(struct db *, struct arena *, const char *label, struct alert_row *);
/* All that have that other name were heard of: the service cannot tell them apart here. */
bool alert_rows_heard(struct db *, const char *instance, const char *also, int64_t at, struct error *);
bool alert_row_write(struct db *, struct alert_row *, struct error *);         /* sets id where it is new */
bool alert_rows_prune(struct db *, int64_t now, struct error *);               /* what was over long ago */

/* Those that are not over (`over`: and those too that ended since), the worst and oldest first. `each` false: enough. */
typedef bool alert_row_fn(const struct alert_row *, void *with);
bool alert_rows_each(struct db *, struct arena *, const char *instance, int64_t over, alert_row_fn *, void *with, struct error *);
/* Not over, and nothing was heard of them since. */
bool alert_rows_unheard(struct db *, struct arena *, const char *instance, int64_t since, alert_row_fn *, void *with, struct error *);

#endif
