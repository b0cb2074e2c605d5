#include "store/gcs_credentials.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text_file.h"

#define FILE_LIMIT (64 * 1024)

/* In the order in which they are missed; an optional one is not. */
struct setting {
    char **field;
    const char *outer, *name; /* `outer` may be NULL. */
    bool optional, is_url;
};

static bool is_url(const char *text)
{
    return (!strncmp(text, "https://", 8) || !strncmp(text, "http://", 7)) &&
           !text[strcspn(text, " \t\r\n#")];
}

static int take(const json_t *json, const char *source, const struct setting *settings,
                size_t n_settings, struct error *error)
{
    for (size_t i = 0; i < n_settings; i++) {
        const struct setting *setting = &settings[i];
        const json_t *at = setting->outer ? json_object_get(json, setting->outer) : json;
        const char *value = json_string_value(json_object_get(at, setting->name));
        if (!value && setting->optional) {
            continue;
        }
        if (!value || !*value || (setting->is_url && !is_url(value))) {
            return error_set(error, ERROR_INVALID,
                             "%s holds no usable Google credentials: %s%s%s %s", source,
                             setting->outer ? setting->outer : "", setting->outer ? "." : "",
                             setting->name, value && *value ? "is no URL" : "is missing");
        }
        *setting->field = xstrdup(value);
    }
    return 0;
}

static int take_service_account(const json_t *json, const char *source, struct gcs_credentials *out,
                                struct error *error)
{
    const struct setting settings[] = {{&out->email, NULL, "client_email", false, false},
                                       {&out->key_pem, NULL, "private_key", false, false},
                                       {&out->key_id, NULL, "private_key_id", true, false},
                                       {&out->token_url, NULL, "token_uri", false, true}};

    return take(json, source, settings, sizeof settings / sizeof *settings, error);
}

static int take_external_account(const json_t *json, const char *source,
                                 struct gcs_credentials *out, struct error *error)
{
    const json_t *where = json_object_get(json, "credential_source");
    const json_t *format = json_object_get(where, "format");
    const char *kind = json_string_value(json_object_get(format, "type"));
    const struct setting settings[] = {
        {&out->audience, NULL, "audience", false, false},
        {&out->subject_token_type, NULL, "subject_token_type", false, false},
        {&out->token_url, NULL, "token_url", false, true},
        {&out->impersonation_url, NULL, "service_account_impersonation_url", true, true},
        {&out->token_file, "credential_source", "file", false, false}};

    if (where && !json_object_get(where, "file")) {
        return error_set(error, ERROR_INVALID,
                         "%s: of the external accounts only those work whose token is in a file "
                         "(credential_source.file)",
                         source);
    }
    int result = take(json, source, settings, sizeof settings / sizeof *settings, error);
    if (result || !kind || !strcmp(kind, "text")) {
        return result;
    }
    const struct setting field = {&out->token_field, NULL, "subject_token_field_name", false,
                                  false};
    return take(format, source, &field, 1, error);
}

int gcs_credentials_parse(const char *text, const char *source, struct gcs_credentials *out,
                          struct error *error)
{
    AUTO_JSON json_t *json = json_parse(text, strlen(text), source, error);
    int result;

    *out = (struct gcs_credentials){0};
    if (!json) { /* The parser's words would quote a piece of the key. */
        return error_set(error, ERROR_INVALID,
                         "%s holds no usable Google credentials: it is not JSON", source);
    }
    const char *type = json_path_string(json, "type", NULL);
    if (type && !strcmp(type, "service_account")) {
        result = take_service_account(json, source, out, error);
    } else if (type && !strcmp(type, "external_account")) {
        result = take_external_account(json, source, out, error);
    } else {
        result = error_set(error, ERROR_INVALID,
                           "%s holds no usable Google credentials: its type is %.40s%s", source,
                           type ? type : "missing",
                           type ? ", and service_account and external_account work" : "");
    }
    json_wipe(json);
    if (result) {
        gcs_credentials_fini(out);
    }
    return result;
}

int gcs_credentials_read(const char *path, struct gcs_credentials *out, struct error *error)
{
    char *text = text_file_read(path, FILE_LIMIT, error);

    *out = (struct gcs_credentials){0};
    if (!text) {
        error->kind = ERROR_INVALID; /* It is not the object that was not found. */
        return error_wrap(error, "read the Google credentials");
    }
    int result = gcs_credentials_parse(text, path, out, error);
    memory_wipe_text(&text);
    return result;
}

void gcs_credentials_fini(struct gcs_credentials *credentials)
{
    char **const texts[] = {
        &credentials->token_url,  &credentials->email,       &credentials->key_pem,
        &credentials->key_id,     &credentials->audience,    &credentials->subject_token_type,
        &credentials->token_file, &credentials->token_field, &credentials->impersonation_url};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        memory_wipe_text(texts[i]);
    }
}
