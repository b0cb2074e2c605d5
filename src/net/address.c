#include "net/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool is_ip(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool parse_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long number = strtoul(text, NULL, 10);

    *port = (uint16_t)number;
    return digits && digits <= 5 && !text[digits] && number <= UINT16_MAX;
}

bool net_address_parse(struct net_address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint16_t port;

    if (!colon || !parse_port(colon + 1, &port)) {
        return false;
    }
    size_t length = (size_t)(colon - text);
    const char *start = text;
    if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
        start++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false; /* IPv6 without brackets: where does the port begin? */
    }
    char host[INET6_ADDRSTRLEN] = "";
    if (length >= sizeof host) {
        return false;
    }
    memcpy(host, start, length);
    if (length && !is_ip(host)) {
        return false;
    }
    free(address->host);
    address->host = length ? xstrdup(host) : NULL;
    address->port = port;
    return true;
}
