#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "pki/internal.h"

bool pki_time_ms(const ASN1_TIME *time, int64_t *out_ms)
{
    struct tm parts = {0};

    if (!ASN1_TIME_to_tm(time, &parts)) {
        ERR_clear_error();
        return false;
    }
    *out_ms = (int64_t)timegm(&parts) * 1000;
    return true;
}

/* The last common name (the most specific one) as UTF-8, cut to what fits, at a character's edge.
 */
static bool copy_common_name(const X509 *certificate, char *out, size_t size)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int last = -1;
    unsigned char *text = NULL;

    out[0] = '\0';
    for (int i; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, last)) >= 0;) {
        last = i;
    }
    if (last < 0) {
        return true;
    }
    int length =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (length < 0) {
        ERR_clear_error();
        return false;
    }
    /* A NUL inside would make two readers see two names. */
    bool valid = !memchr(text, '\0', (size_t)length);
    size_t kept = (size_t)length < size ? (size_t)length : size - 1;
    while (kept > 0 && kept < (size_t)length && (text[kept] & 0xc0) == 0x80) {
        kept--;
    }
    memcpy(out, text, kept);
    out[kept] = '\0';
    OPENSSL_free(text);
    return valid;
}

int pki_inspect(const char *certificate_pem, struct pki_facts *facts, struct error *error)
{
    X509 *certificate AUTO_X509 = pki_pem_certificate(certificate_pem);

    *facts = (struct pki_facts){0};
    if (!certificate) {
        return pki_openssl_error(error, ERROR_INVALID, "the certificate does not parse");
    }
    if (!pki_time_ms(X509_get0_notBefore(certificate), &facts->not_before_ms) ||
        !pki_time_ms(X509_get0_notAfter(certificate), &facts->not_after_ms)) {
        return error_set(error, ERROR_INVALID, "the certificate's dates are not valid");
    }
    if (!copy_common_name(certificate, facts->common_name, sizeof facts->common_name)) {
        return error_set(error, ERROR_INVALID, "the certificate's common name is not valid");
    }
    facts->is_ca = X509_check_ca(certificate) == 1;
    ERR_clear_error();
    return 0;
}
