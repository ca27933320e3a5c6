/* calendar: the events of an iCalendar file, as spans of time.
 *
 * An event counts whatever it is called, with its repetitions (RRULE, RDATE), without those that were taken out (EXDATE), moved
 * (RECURRENCE-ID) or cancelled. Where it repeats it ends by the clock as it did the first time, also across their change. The text is kept,
 * and what lies within a year is worked out from it now and then: a rule may go on for ever. */
#include "bridge/rights/calendar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libical/ical.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"

enum {
	FILE_MOST = 1 << 20,            /* bytes */
	DEEP_MOST = 8,                  /* components in one another */
	SPANS_MOST = 20000,
	STEPS_MOST = 500000,            /* repetitions that are gone through, of all events */
	LINE_SHOWN = 60,
	YEAR_FIRST = 1900, YEAR_LAST = 2500,
	DAY_SECONDS = 86400,
	LONGEST = 3653 * DAY_SECONDS,   /* that an event may last */
};

static const int64_t DAY = INT64_C(1000) * DAY_SECONDS, BEFORE = INT64_C(7000) * DAY_SECONDS, BEHIND = INT64_C(400000) * DAY_SECONDS;

struct calendar {
	char *path, *text;
	struct stat seen;               /* of the file when it was looked at last */
	bool lost;
	bool known;                     /* the spans are those around `around` */
	int64_t around;
	struct span *spans;             /* in order, none meets another */
	size_t count, size;
};

/* Reading the file. */

static bool
read_file(int fd, const char *path, char *bytes, size_t *length, struct error *error)
{
	ssize_t got;

	*length = 0;
	while ((got = read(fd, bytes + *length, FILE_MOST + 1 - *length)) > 0)
		*length += (size_t)got;
	if (got < 0)
		return error_set(error, "%s could not be read: %s.", path, strerror(errno));
	if (*length > FILE_MOST)
		return error_set(error, "%s has more than 1 MiB; leave out what is long past.", path);
	if (memchr(bytes, '\0', *length))
		return error_set(error, "%s holds a NUL byte; an iCalendar file is text.", path);
	return true;
}

/* Lines that were folded are one again. */
static void
unfold(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\r' && from[1] == '\n')
			continue;
		if (*from == '\n' && (from[1] == ' ' || from[1] == '\t'))
			from++;
		else
			*to++ = *from;
	}
	*to = '\0';
}

static char *
read_text(const char *path, struct stat *seen, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *bytes = NULL;
	size_t length;

	*seen = (struct stat){ 0 };
	if (fd < 0) {
		error_set(error, "%s could not be opened: %s.", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, seen) != 0 || !S_ISREG(seen->st_mode)) {
		error_set(error, "%s is no regular file.", path);
	} else {
		bytes = memory_take(FILE_MOST + 2);
		if (!read_file(fd, path, bytes, &length, error)) {
			free(bytes);
			bytes = NULL;
		}
	}
	close(fd);
	if (bytes)
		unfold(bytes);
	return bytes;
}

/* Whether the library may be given it: it frees what stands in one another on its stack, and takes half a file for a whole one. */
static bool
is_whole(const char *text, struct error *error)
{
	const char *last = "";
	int deep = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (*line != '\n')
			last = line;
		deep += !strncasecmp(line, "BEGIN", 5) ? 1 : !strncasecmp(line, "END:", 4) ? -1 : 0;
		if (deep > DEEP_MOST)
			return error_set(error, "its components are too deep in one another.");
	}
	if (strncasecmp(text, "BEGIN:VCALENDAR", 15))
		return error_set(error, "it is no iCalendar file: it does not begin with BEGIN:VCALENDAR.");
	return (deep == 0 && !strncasecmp(last, "END:VCALENDAR", 13)) || error_set(error, "it is not whole: it does not end with END:VCALENDAR.");
}

/* Events as spans. */

struct length { int nominal, exact; };  /* seconds of the clock, then of time */

struct times {
	size_t count;
	struct icaltimetype *each;
};

struct event {
	icalcomponent *component;
	const char *uid;                /* NULL: it has none */
	bool moved;                     /* it stands in the place of a repetition */
	struct icaltimetype start, instead;
	struct length length;
	struct times but, also;         /* EXDATE, RDATE */
};

struct expanding {
	struct calendar *calendar;
	struct arena *arena;
	icalcomponent *whole;           /* whose time zones count */
	int64_t from, to;               /* what is looked for */
	unsigned steps;
	struct event *moved;            /* those that stand in the place of repetitions */
	size_t moved_count;
	struct error *error;
};

static bool
wrong(const struct expanding *expanding, icalcomponent *component, const char *what)
{
	const char *summary = icalcomponent_get_summary(component);
	const char *shown = summary ? text_cut(expanding->arena, text_clean(expanding->arena, summary, strlen(summary)), LINE_SHOWN) : "without a name";

	return error_set(expanding->error, "the event %s %s.", shown, what);
}

static bool
add_span(struct expanding *expanding, const struct event *event, int64_t from, int64_t to)
{
	struct calendar *calendar = expanding->calendar;

	if (to <= from)
		return true;
	if (calendar->count == SPANS_MOST)
		return wrong(expanding, event->component, "is one too many: they come more than 20,000 times within a year");
	if (calendar->count == calendar->size) {
		calendar->size = calendar->size ? 2 * calendar->size : 64;
		calendar->spans = memory_resize(calendar->spans, calendar->size * sizeof *calendar->spans);
	}
	calendar->spans[calendar->count++] = (struct span){ from, to };
	return true;
}

/* A time with a zone is that zone's; without one, and of a whole day, ours. */
static int64_t
wall_of(struct icaltimetype time, bool later)
{
	const struct tm clock = { .tm_year = time.year - 1900, .tm_mon = time.month - 1, .tm_mday = time.day, .tm_hour = time.hour, .tm_min = time.minute,
		.tm_sec = time.second };

	if (!time.is_date && time.zone)
		return (int64_t)icaltime_as_timet_with_zone(time, time.zone) * 1000;
	return window_local(&clock, later);
}

/* The library takes a 13th month for what it is told. */
static bool
is_a_time(const struct icaltimetype *time)
{
	return !icaltime_is_null_time(*time) && time->year >= YEAR_FIRST && time->year <= YEAR_LAST && time->month >= 1 && time->month <= 12 && time->day >= 1
	       && time->day <= icaltime_days_in_month(time->month, time->year) && time->hour >= 0 && time->hour < 24 && time->minute >= 0 && time->minute < 60
	       && time->second >= 0 && time->second <= 60;
}

/* One of a zone that nobody knows would be read as ours. */
static bool
read_time(const struct expanding *expanding, icalcomponent *component, icalproperty *property, struct icaltimetype *out)
{
	*out = icalproperty_get_datetime_with_component(property, expanding->whole);
	if (!is_a_time(out))
		return wrong(expanding, component, "has a time that is none");
	if (!out->is_date && !out->zone && icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER))
		return wrong(expanding, component, "is of a time zone that is neither in the file nor known here");
	return true;
}

/* A null time where there is none. */
static bool
time_named(const struct expanding *expanding, icalcomponent *component, icalproperty_kind kind, struct icaltimetype *out)
{
	icalproperty *property = icalcomponent_get_first_property(component, kind);

	*out = icaltime_null_time();
	return !property || read_time(expanding, component, property, out);
}

static bool
times_named(const struct expanding *expanding, icalcomponent *component, icalproperty_kind kind, struct times *out)
{
	size_t most = (size_t)icalcomponent_count_properties(component, kind);

	*out = (struct times){ 0, arena_take(expanding->arena, (most + 1) * sizeof *out->each) };
	for (icalproperty *at = icalcomponent_get_first_property(component, kind); at && out->count < most; at = icalcomponent_get_next_property(component, kind)) {
		if (kind == ICAL_RDATE_PROPERTY && icalvalue_isa(icalproperty_get_value(at)) == ICAL_PERIOD_VALUE)
			return wrong(expanding, component, "repeats at a PERIOD; make it an event of its own");
		if (!read_time(expanding, component, at, &out->each[out->count++]))
			return false;
	}
	return true;
}

static bool
read_duration(const struct expanding *expanding, icalcomponent *component, const struct icaltimetype *start, struct length *out)
{
	icalproperty *property = icalcomponent_get_first_property(component, ICAL_DURATION_PROPERTY);

	*out = (struct length){ start->is_date && !property ? DAY_SECONDS : 0, 0 };
	if (!property)
		return true;
	const struct icaldurationtype duration = icalproperty_get_duration(property);
	int64_t days = (int64_t)duration.weeks * 7 + duration.days, exact = ((int64_t)duration.hours * 60 + duration.minutes) * 60 + duration.seconds;
	if (duration.is_neg || icaldurationtype_is_bad_duration(duration) || days > LONGEST / DAY_SECONDS || exact > LONGEST)
		return wrong(expanding, component, "has a duration that is none, or more than ten years");
	*out = (struct length){ (int)days * DAY_SECONDS, (int)exact };
	return true;
}

/* How long it lasts: to its end, for its duration, else a whole day or no time at all. */
static bool
read_length(const struct expanding *expanding, icalcomponent *component, const struct icaltimetype *start, struct length *out)
{
	struct icaltimetype end;

	if (!time_named(expanding, component, ICAL_DTEND_PROPERTY, &end))
		return false;
	if (icaltime_is_null_time(end))
		return read_duration(expanding, component, start, out);
	if (start->zone && end.zone && !end.is_date)
		end = icaltime_convert_to_zone(end, (icaltimezone *)(uintptr_t)start->zone);
	int64_t seconds = (int64_t)icaltime_as_timet(end) - (int64_t)icaltime_as_timet(*start);
	if (seconds < 0 || seconds > LONGEST)
		return wrong(expanding, component, "ends before it begins, or lasts more than ten years");
	*out = (struct length){ (int)seconds, 0 };
	return true;
}

/* The library leaves out what it cannot read, and says so beside it. A freeze that is left out would not hold. */
static bool
is_understood(const struct expanding *expanding, icalcomponent *component)
{
	static const char *const ours[] = { "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE", "STATUS" };

	for (icalproperty *at = icalcomponent_get_first_property(component, ICAL_XLICERROR_PROPERTY); at;
	     at = icalcomponent_get_next_property(component, ICAL_XLICERROR_PROPERTY)) {
		const char *about = icalproperty_get_xlicerror(at);
		for (size_t i = 0; about && i < sizeof ours / sizeof *ours; i++)
			if (strstr(about, ours[i]))
				return wrong(expanding, component, "has a time, an end or a rule that cannot be read");
	}
	return true;
}

static bool
read_event(const struct expanding *expanding, icalcomponent *component, struct event *out)
{
	*out = (struct event){ .component = component, .uid = icalcomponent_get_uid(component) };
	out->moved = icalcomponent_get_first_property(component, ICAL_RECURRENCEID_PROPERTY);
	if (!is_understood(expanding, component) || !time_named(expanding, component, ICAL_DTSTART_PROPERTY, &out->start)
	    || !time_named(expanding, component, ICAL_RECURRENCEID_PROPERTY, &out->instead))
		return false;
	if (icaltime_is_null_time(out->start))
		return wrong(expanding, component, "does not say when it begins (DTSTART)");
	return read_length(expanding, component, &out->start, &out->length) && times_named(expanding, component, ICAL_EXDATE_PROPERTY, &out->but)
	       && times_named(expanding, component, ICAL_RDATE_PROPERTY, &out->also);
}

static bool
same_time(const struct icaltimetype *a, const struct icaltimetype *b)
{
	return a->is_date || b->is_date ? icaltime_compare_date_only(*a, *b) == 0 : wall_of(*a, false) == wall_of(*b, false);
}

/* Whether it is none of its repetitions any more: taken out, or another event stands in its place. */
static bool
is_taken_out(const struct expanding *expanding, const struct event *event, const struct icaltimetype *time)
{
	for (size_t i = 0; i < event->but.count; i++)
		if (same_time(&event->but.each[i], time))
			return true;
	for (size_t i = 0; event->uid && i < expanding->moved_count; i++)
		if (expanding->moved[i].uid && !strcmp(expanding->moved[i].uid, event->uid) && same_time(&expanding->moved[i].instead, time))
			return true;
	return false;
}

static bool
add_time(struct expanding *expanding, const struct event *event, const struct icaltimetype *time)
{
	struct icaltimetype end = *time;

	/* The library leaves seconds out of account where it is a day. */
	icaltime_adjust(&end, event->length.nominal / DAY_SECONDS, 0, 0, event->length.nominal % DAY_SECONDS);
	int64_t from = wall_of(*time, false), to = wall_of(end, true) + (int64_t)event->length.exact * 1000;
	if (to <= expanding->from || from >= expanding->to || (!event->moved && is_taken_out(expanding, event, time)))
		return true;
	return add_span(expanding, event, from, to);
}

/* From where on it is gone through, where nothing before counts. */
static void
skip_past(const struct expanding *expanding, const struct event *event, icalrecur_iterator *each)
{
	time_t from = (time_t)((expanding->from - DAY) / 1000) - event->length.nominal - event->length.exact;
	struct icaltimetype first = icaltime_from_timet_with_zone(from, event->start.is_date, event->start.zone);

	if (icaltime_compare(first, event->start) > 0)
		icalrecur_iterator_set_start(each, first);
}

static bool
add_rule(struct expanding *expanding, const struct event *event, struct icalrecurrencetype rule)
{
	bool fine = true;

	if (rule.freq == ICAL_NO_RECURRENCE || rule.freq == ICAL_SECONDLY_RECURRENCE || rule.freq == ICAL_MINUTELY_RECURRENCE)
		return wrong(expanding, event->component, "repeats by a rule that is none, or each minute");
	icalrecur_iterator *each = icalrecur_iterator_new(rule, event->start);
	if (!each)
		return wrong(expanding, event->component, "repeats by a rule that is none");
	if (!rule.count)
		skip_past(expanding, event, each);
	for (struct icaltimetype time; fine && !icaltime_is_null_time(time = icalrecur_iterator_next(each));) {
		if (wall_of(time, false) >= expanding->to)
			break;
		if (++expanding->steps > STEPS_MOST)
			fine = wrong(expanding, event->component, "repeats too often to be counted");
		else
			fine = add_time(expanding, event, &time);
	}
	icalrecur_iterator_free(each);
	return fine;
}

static bool
add_event(struct expanding *expanding, const struct event *event)
{
	icalproperty *rule = event->moved ? NULL : icalcomponent_get_first_property(event->component, ICAL_RRULE_PROPERTY);

	if (icalcomponent_get_status(event->component) == ICAL_STATUS_CANCELLED)
		return true;
	if (!rule && !add_time(expanding, event, &event->start))
		return false;
	for (; rule; rule = icalcomponent_get_next_property(event->component, ICAL_RRULE_PROPERTY))
		if (!add_rule(expanding, event, icalproperty_get_rrule(rule)))
			return false;
	for (size_t i = 0; i < event->also.count && !event->moved; i++)
		if (!add_time(expanding, event, &event->also.each[i]))
			return false;
	return true;
}

static bool
add_events(struct expanding *expanding)
{
	size_t most = (size_t)icalcomponent_count_components(expanding->whole, ICAL_VEVENT_COMPONENT), count = 0;
	struct event *events = arena_take(expanding->arena, (most + 1) * sizeof *events);
	icalcompiter all = icalcomponent_begin_component(expanding->whole, ICAL_VEVENT_COMPONENT);

	expanding->moved = arena_take(expanding->arena, (most + 1) * sizeof *events);
	for (icalcomponent *component; (component = icalcompiter_deref(&all)) && count < most; icalcompiter_next(&all)) {
		struct event *event = &events[count++];
		if (!read_event(expanding, component, event))
			return false;
		if (event->moved)
			expanding->moved[expanding->moved_count++] = *event;
	}
	for (size_t i = 0; i < count; i++)
		if (!add_event(expanding, &events[i]))
			return false;
	return true;
}

static int
by_beginning(const void *a, const void *b)
{
	const struct span *one = a, *other = b;

	return one->from < other->from ? -1 : one->from > other->from;
}

/* In order, and those that meet are one. */
static void
join(struct calendar *calendar)
{
	size_t count = 0;

	if (calendar->count)
		qsort(calendar->spans, calendar->count, sizeof *calendar->spans, by_beginning);
	for (size_t i = 0; i < calendar->count; i++) {
		struct span *last = count ? &calendar->spans[count - 1] : NULL;
		if (!last || calendar->spans[i].from > last->to)
			calendar->spans[count++] = calendar->spans[i];
		else if (calendar->spans[i].to > last->to)
			last->to = calendar->spans[i].to;
	}
	calendar->count = count;
}

/* What lies around `at`. False with a sentence that names no file. */
static bool
expand(struct calendar *calendar, int64_t at, struct error *error)
{
	if (!is_whole(calendar->text, error))
		return false;
	icalerror_set_errors_are_fatal(0);
	icalcomponent *whole = icalparser_parse_string(calendar->text);
	if (!whole || icalcomponent_isa(whole) != ICAL_VCALENDAR_COMPONENT) {
		if (whole)
			icalcomponent_free(whole);
		return error_set(error, "it is no iCalendar file of one VCALENDAR.");
	}
	struct arena *arena = arena_new();
	struct expanding expanding = { .calendar = calendar, .arena = arena, .whole = whole, .from = at - BEFORE, .to = at + BEHIND, .error = error };
	calendar->count = 0;
	bool fine = add_events(&expanding);
	arena_free(arena);
	icalcomponent_free(whole);
	join(calendar);
	calendar->around = at;
	calendar->known = true;
	return fine;
}

/* The calendar itself. */

/* NULL with a sentence. What the file is like is in *seen, whatever it is. */
static struct calendar *
open_seen(const char *path, struct stat *seen, struct error *error)
{
	struct error why = { "" };
	char *text = read_text(path, seen, error);

	if (!text)
		return NULL;
	struct calendar *calendar = memory_take(sizeof *calendar);
	calendar->path = memory_text(path);
	calendar->text = text;
	calendar->seen = *seen;
	if (expand(calendar, clock_wall(), &why)) {
		calendar->known = false;        /* the zone that counts may be set later */
		return calendar;
	}
	error_set(error, "%s: %s", path, why.text);
	calendar_free(calendar);
	return NULL;
}

struct calendar *
calendar_open(const char *path, struct error *error)
{
	struct stat seen;

	return open_seen(path, &seen, error);
}

void
calendar_free(struct calendar *calendar)
{
	if (!calendar)
		return;
	free(calendar->path);
	free(calendar->text);
	free(calendar->spans);
	free(calendar);
}

const char *
calendar_path(const struct calendar *calendar)
{
	return calendar->path;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec
	       && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The new one takes the old one's place, and the old one's memory goes with the new one's name. */
static void
replace(struct calendar *calendar, struct calendar *with)
{
	struct calendar before = *calendar;

	*calendar = *with;
	*with = before;
	calendar_free(with);
}

enum calendar_news
calendar_look(struct calendar *calendar, struct error *error)
{
	struct stat seen;
	struct calendar *newer;

	if (stat(calendar->path, &seen) == 0 && same_file(&seen, &calendar->seen))
		return CALENDAR_SAME;
	newer = open_seen(calendar->path, &calendar->seen, error);
	if (newer) {
		replace(calendar, newer);
		return CALENDAR_READ;
	}
	bool told = calendar->lost;
	calendar->lost = true;
	return told ? CALENDAR_SAME : CALENDAR_LOST;
}

bool
calendar_at(struct calendar *calendar, int64_t at, struct span *out)
{
	size_t first = 0, behind;

	if (!calendar->known || at < calendar->around - DAY || at > calendar->around + 30 * DAY)
		expand(calendar, at, NULL);
	for (behind = calendar->count; first < behind;) {
		size_t middle = first + (behind - first) / 2;
		if (calendar->spans[middle].to > at)
			behind = middle;
		else
			first = middle + 1;
	}
	if (first == calendar->count)
		return false;
	*out = calendar->spans[first];
	return true;
}
