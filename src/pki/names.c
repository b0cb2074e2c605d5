#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "base/memory.h"
#include "pki/internal.h"

#define DNS_NAME_LIMIT 253 /* RFC 1035 2.3.4, without the final dot. */

/* Letters, digits, dots, hyphens, and an asterisk as the whole first label (RFC 6125 6.4.3). The
 * underscore is no host name's but stands in Service names of some DNS zones. */
static bool dns_name_valid(const char *name)
{
    size_t length = strlen(name);

    if (!strncmp(name, "*.", 2)) {
        name += 2;
    }
    return length <= DNS_NAME_LIMIT && *name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               strlen(name);
}

static void add_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();

    if (!name || !value || !sk_GENERAL_NAME_push(names, name)) {
        memory_exhausted();
    }
    GENERAL_NAME_set0_value(name, type, value);
}

static int add_dns(GENERAL_NAMES *names, const char *text, struct error *error)
{
    if (!dns_name_valid(text)) {
        return error_set(error, ERROR_INVALID, "\"%.260s\" is no DNS name", text);
    }
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (!value || !ASN1_STRING_set(value, text, (int)strlen(text))) {
        memory_exhausted();
    }
    add_name(names, GEN_DNS, value);
    return 0;
}

static int add_ip(GENERAL_NAMES *names, const char *text, struct error *error)
{
    ASN1_OCTET_STRING *value = a2i_IPADDRESS(text);

    if (!value) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "\"%.80s\" is no IP address", text);
    }
    add_name(names, GEN_IPADD, value);
    return 0;
}

int pki_names_build(const char *const *dns_names, const char *const *ip_names, GENERAL_NAMES **out,
                    struct error *error)
{
    GENERAL_NAMES *names AUTO_NAMES = GENERAL_NAMES_new();
    int result = 0;

    if (!names) {
        memory_exhausted();
    }
    for (size_t i = 0; !result && dns_names && dns_names[i]; i++) {
        result = add_dns(names, dns_names[i], error);
    }
    for (size_t i = 0; !result && ip_names && ip_names[i]; i++) {
        result = add_ip(names, ip_names[i], error);
    }
    *out = NULL;
    if (!result && sk_GENERAL_NAME_num(names) > 0) {
        *out = names;
        names = NULL;
    }
    return result;
}

static bool same_name(const GENERAL_NAME *a, const GENERAL_NAME *b)
{
    int type_a, type_b;
    const ASN1_STRING *value_a = GENERAL_NAME_get0_value(a, &type_a);
    const ASN1_STRING *value_b = GENERAL_NAME_get0_value(b, &type_b);

    if (type_a != type_b || (type_a != GEN_DNS && type_a != GEN_IPADD)) {
        return false;
    }
    int size = ASN1_STRING_length(value_a);
    if (size != ASN1_STRING_length(value_b)) {
        return false;
    }
    const void *data_a = ASN1_STRING_get0_data(value_a), *data_b = ASN1_STRING_get0_data(value_b);
    return type_a == GEN_DNS ? !strncasecmp(data_a, data_b, (size_t)size)
                             : !memcmp(data_a, data_b, (size_t)size);
}

/* Each name of `part` stands in `whole`. Kinds of names that we never write match nothing. */
static bool names_contain(const GENERAL_NAMES *whole, const GENERAL_NAMES *part)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(part); i++) {
        bool found = false;
        for (int j = 0; j < sk_GENERAL_NAME_num(whole) && !found; j++) {
            found = same_name(sk_GENERAL_NAME_value(part, i), sk_GENERAL_NAME_value(whole, j));
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

bool pki_names_match(const char *certificate_pem, const char *const *dns_names,
                     const char *const *ip_names)
{
    X509 *certificate AUTO_X509 = pki_pem_certificate(certificate_pem);
    GENERAL_NAMES *wanted AUTO_NAMES = NULL;
    int found = -1; /* X509_get_ext_d2i(): -1 if there is no such extension, -2 if several. */

    if (!certificate || pki_names_build(dns_names, ip_names, &wanted, NULL)) {
        ERR_clear_error();
        return false;
    }
    GENERAL_NAMES *names AUTO_NAMES =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (!names) {
        ERR_clear_error();
        return found == -1 && !wanted;
    }
    return wanted && names_contain(names, wanted) && names_contain(wanted, names);
}
