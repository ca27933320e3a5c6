/* ci_follow: the rows by which builds and watched jobs are followed. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_CI_FOLLOW_H
#define SALLYPORT_INTEGRATIONS_KINDS_CI_FOLLOW_H

struct arena;

#define CI_KIND          "ci"
#define CI_FOLLOWS_BUILD "build"        /* its token is the build's */
#define CI_FOLLOWS_WATCH "watch"        /* its token is a job and a room */

const char *ci_watch_token(struct arena *, const char *job, const char *where);

#endif
