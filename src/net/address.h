/* Where a server of ours listens, as an option says it. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H 1

#include <stdbool.h>
#include <stdint.h>

struct net_address {
    char *host; /* An IP address, malloc'ed; NULL: all of them. */
    uint16_t port;
};

/* "[IP]:PORT": ":8080", "127.0.0.1:0", "[::1]:8080". False when it is none; `address`, which holds
 * zeros or an earlier one, is then as it was. */
bool net_address_parse(struct net_address *address, const char *text);

#endif
