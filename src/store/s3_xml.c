#include "store/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

#define MAX_DEPTH 8
#define MAX_TEXT  8192 /* Of one element; a key has 1024 bytes, a token some hundred. */
#define MAX_NAME  64

struct reading {
    XML_Parser parser;
    struct arena *arena;
    struct s3_answer *answer;
    size_t depth;
    char names[MAX_DEPTH][MAX_NAME]; /* Of the open elements, the outermost first. */
    struct buffer text;              /* Of the innermost. */
    size_t room;                     /* Rows that there is memory for. */
    const char *fault;
};

static void stop(struct reading *reading, const char *fault)
{
    reading->fault = fault;
    XML_StopParser(reading->parser, XML_FALSE);
}

static const char *without_namespace(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static bool is_row(const struct reading *reading, size_t depth)
{
    return depth == 1 &&
           (!strcmp(reading->names[1], "Contents") || !strcmp(reading->names[1], "Upload"));
}

static void add_row(struct reading *reading)
{
    struct s3_answer *answer = reading->answer;

    if (answer->n_rows == S3_XML_MAX_ROWS) {
        stop(reading, "it lists too many objects");
        return;
    }
    if (answer->n_rows == reading->room) {
        size_t room = reading->room ? 2 * reading->room : 64;
        struct s3_row *rows = arena_alloc(reading->arena, room * sizeof *rows);
        if (answer->n_rows) {
            memcpy(rows, answer->rows, answer->n_rows * sizeof *rows);
        }
        answer->rows = rows;
        reading->room = room;
    }
    answer->rows[answer->n_rows++] = (struct s3_row){.key = "", .time_ms = -1};
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct reading *reading = context;

    (void)attributes;
    name = without_namespace(name);
    if (reading->depth == MAX_DEPTH || strlen(name) >= MAX_NAME) {
        stop(reading, "it is nested too deeply");
        return;
    }
    memcpy(reading->names[reading->depth], name, strlen(name) + 1);
    if (!reading->depth) {
        reading->answer->root = arena_strdup(reading->arena, name);
    } else if (is_row(reading, reading->depth)) {
        add_row(reading);
    }
    reading->depth++;
    buffer_clear(&reading->text);
}

static void on_text(void *context, const char *text, int length)
{
    struct reading *reading = context;

    if (!buffer_append(&reading->text, text, (size_t)length)) {
        stop(reading, "one of its texts is too long");
    }
}

static void take_of_row(struct s3_row *row, const char *name, const char *text, struct arena *arena)
{
    if (!strcmp(name, "Key")) {
        row->key = arena_strdup(arena, text);
    } else if (!strcmp(name, "UploadId")) {
        row->upload_id = arena_strdup(arena, text);
    } else if (!strcmp(name, "Size")) {
        row->size = strtoull(text, NULL, 10);
    } else if (!strcmp(name, "LastModified") || !strcmp(name, "Initiated")) {
        row->time_ms = clock_parse_rfc3339(text);
    }
}

static void take_of_root(struct s3_answer *answer, const char *name, const char *text,
                         struct arena *arena)
{
    const struct {
        const char *name;
        const char **field;
    } texts[] = {{"Code", &answer->code},
                 {"Message", &answer->message},
                 {"Region", &answer->region},
                 {"Endpoint", &answer->endpoint},
                 {"RequestId", &answer->request_id},
                 {"UploadId", &answer->upload_id},
                 {"ChecksumSHA256", &answer->checksum_sha256},
                 {"NextContinuationToken", &answer->next_token},
                 {"NextKeyMarker", &answer->next_key_marker},
                 {"NextUploadIdMarker", &answer->next_upload_marker}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!strcmp(name, texts[i].name)) {
            *texts[i].field = arena_strdup(arena, text);
        }
    }
    if (!strcmp(name, "IsTruncated")) {
        answer->truncated = !strcmp(text, "true");
    }
}

static void wipe_text(void *text)
{
    memory_wipe(text, strlen(text));
}

static void take_of_credentials(struct s3_answer *answer, const char *name, const char *text,
                                struct arena *arena)
{
    const struct {
        const char *name;
        const char **field;
    } texts[] = {{"AccessKeyId", &answer->access_key},
                 {"SecretAccessKey", &answer->secret_key},
                 {"SessionToken", &answer->session_token}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!strcmp(name, texts[i].name)) {
            char *secret = arena_strdup(arena, text);
            arena_defer(arena, wipe_text, secret);
            *texts[i].field = secret;
        }
    }
    if (!strcmp(name, "Expiration")) {
        answer->expires_ms = clock_parse_rfc3339(text);
    }
}

static void on_end(void *context, const char *name)
{
    struct reading *reading = context;
    struct s3_answer *answer = reading->answer;
    const char *text = reading->text.data ? reading->text.data : "";

    name = without_namespace(name);
    reading->depth--;
    if (reading->depth == 2 && is_row(reading, 1) && answer->n_rows) {
        take_of_row(&answer->rows[answer->n_rows - 1], name, text, reading->arena);
    } else if (reading->depth == 1 ||
               (reading->depth == 2 && !strcmp(reading->names[1], "Error"))) { /* STS's. */
        take_of_root(answer, name, text, reading->arena);
    } else if (reading->depth == 3 && !strcmp(reading->names[2], "Credentials")) {
        take_of_credentials(answer, name, text, reading->arena);
        memory_wipe(reading->text.data, reading->text.size);
    }
    buffer_clear(&reading->text);
}

static void on_doctype(void *context, const char *name, const char *system, const char *public,
                       int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(context, "it declares a document type");
}

int s3_xml_parse(const char *text, size_t size, struct arena *arena, struct s3_answer *answer,
                 struct error *error)
{
    struct reading reading = {.parser = XML_ParserCreate(NULL),
                              .arena = arena,
                              .answer = answer,
                              .text = {.limit = MAX_TEXT}};

    *answer = (struct s3_answer){0};
    if (!reading.parser) {
        memory_exhausted();
    }
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    bool parsed = size <= INT_MAX && XML_Parse(reading.parser, text, (int)size, 1) == XML_STATUS_OK;
    if (!parsed && !reading.fault) {
        reading.fault = XML_ErrorString(XML_GetErrorCode(reading.parser));
    }
    XML_ParserFree(reading.parser);
    buffer_fini(&reading.text);
    return parsed
               ? 0
               : error_set(error, ERROR_RETRYABLE, "the answer is not S3's XML: %s", reading.fault);
}
