/* http_address: addresses that no request may go to, whatever a name server says (threats X3). */
#ifndef SALLYPORT_RUN_HTTP_ADDRESS_H
#define SALLYPORT_RUN_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* This network, link-local (where clouds hand out credentials), multicast and broadcast, also where IPv6 carries them inside.
 * `host` is the configuration's: an address that is written there is meant. */
bool address_barred(const struct sockaddr *, socklen_t length, const char *host);

#endif
