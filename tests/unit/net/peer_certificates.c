#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "peer.h"

static char *pem_text(BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    char *text = xmalloc((size_t)size + 1);
    memcpy(text, data, (size_t)size);
    text[size] = '\0';
    BIO_free(bio);
    return text;
}

static X509 *certificate_of(const struct test_identity *identity)
{
    BIO *bio = BIO_new_mem_buf(identity->certificate_pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *key_of(const struct test_identity *identity)
{
    BIO *bio = BIO_new_mem_buf(identity->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void make(const struct test_identity *ca, const struct test_leaf *leaf,
                 struct test_identity *out)
{
    static long serial = 1000;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509 *issuer = ca ? certificate_of(ca) : certificate;
    EVP_PKEY *issuer_key = ca ? key_of(ca) : key;
    X509_NAME *name = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), leaf->not_after_offset);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const void *)leaf->common_name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, key);
    extend(certificate, issuer, NID_basic_constraints,
           ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (leaf->dns_name) {
        char value[256];
        snprintf(value, sizeof value, "DNS:%s", leaf->dns_name);
        extend(certificate, issuer, NID_subject_alt_name, value);
    }
    X509_sign(certificate, issuer_key, EVP_sha256());

    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    out->certificate_pem = pem_text(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    out->key_pem = pem_text(bio);
    if (ca) {
        X509_free(issuer);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void test_ca_new(const char *common_name, struct test_identity *out)
{
    make(NULL, &(struct test_leaf){.common_name = common_name, .not_after_offset = 3600}, out);
}

void test_leaf_new(const struct test_identity *ca, const struct test_leaf *leaf,
                   struct test_identity *out)
{
    make(ca, leaf, out);
}

void test_identity_fini(struct test_identity *identity)
{
    free(identity->certificate_pem);
    free(identity->key_pem);
}

SSL_CTX *test_server_tls(const struct test_identity *identity, const char *client_ca_pem)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    X509 *certificate = certificate_of(identity);
    EVP_PKEY *key = key_of(identity);

    SSL_CTX_use_certificate(tls, certificate);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (client_ca_pem) {
        struct test_identity ca = {.certificate_pem = (char *)client_ca_pem};
        X509 *ca_certificate = certificate_of(&ca);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca_certificate);
        SSL_CTX_add_client_CA(tls, ca_certificate);
        X509_free(ca_certificate);
        SSL_CTX_set_session_id_context(tls, (const unsigned char *)"test", 4);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return tls;
}
