/* Log lines, as they leave by standard error. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

static int saved_stderr;
static FILE *captured;

static void capture_begin(void)
{
    captured = tmpfile();
    saved_stderr = dup(STDERR_FILENO);
    dup2(fileno(captured), STDERR_FILENO);
}

static void capture_end(char *out, size_t size)
{
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    rewind(captured);
    out[fread(out, 1, size - 1, captured)] = '\0';
    fclose(captured);
}

static void test_json_lines(void **state)
{
    char text[1024];
    struct error error = {0};

    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    log_info("say \"hi\"\n", "key", "a\\b\x01\x7f", "absent", NULL, "last", "", NULL);
    capture_end(text, sizeof text);

    size_t length = strlen(text);
    assert_int_equal(text[length - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + length - 1); /* One line. */
    AUTO_JSON json_t *line = json_parse(text, length, "the line", &error);
    assert_non_null(line);
    assert_string_equal(json_path_string(line, "level", NULL), "info");
    assert_string_equal(json_path_string(line, "message", NULL), "say \"hi\"\n");
    assert_string_equal(json_path_string(line, "key", NULL), "a\\b\x01\x7f");
    assert_string_equal(json_path_string(line, "last", NULL), "");
    assert_null(json_path(line, "absent", NULL));
    assert_int_equal(strlen(json_path_string(line, "time", NULL)), 27);
}

/* What etcd or a broken disk says may be any bytes: the line stays valid JSON. */
static void test_bytes_that_are_no_text(void **state)
{
    char text[1024];
    struct error error = {0};

    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    log_info("words", "good", "\xc3\xa9\xe2\x82\xac", "bad", "a\xff\xc3(\xe2\x82", NULL);
    capture_end(text, sizeof text);
    AUTO_JSON json_t *line = json_parse(text, strlen(text), "the line", &error);
    assert_non_null(line);
    assert_string_equal(json_path_string(line, "good", NULL), "\xc3\xa9\xe2\x82\xac");
    assert_string_equal(json_path_string(line, "bad", NULL),
                        "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_text_lines(void **state)
{
    char text[1024];

    (void)state;
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);
    capture_begin();
    log_debug("not shown", NULL);
    log_info("not shown", NULL);
    log_warning("shown", "plain", "a", "quoted", "b c", "equal", "d=e", "empty", "", NULL);
    log_error("too", NULL);
    capture_end(text, sizeof text);
    assert_null(strstr(text, "not shown"));
    assert_non_null(
        strstr(text, " warning shown plain=a quoted=\"b c\" equal=\"d=e\" empty=\"\"\n"));
    assert_non_null(strstr(text, " error   too\n"));
}

static void *write_lines(void *context)
{
    for (int i = 0; i < 200; i++) {
        log_info("a line of some length, to be torn apart", "thread", (const char *)context, NULL);
    }
    return NULL;
}

/* Lines of several threads are never mixed. */
static void test_threads(void **state)
{
    enum { SIZE = 128 * 1024 };
    AUTO_FREE char *text = malloc(SIZE);
    pthread_t threads[3];
    char names[3][2] = {"0", "1", "2"};
    struct error error = {0};
    int lines = 0;

    (void)state;
    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    capture_begin();
    for (size_t i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, write_lines, names[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    capture_end(text, SIZE);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        AUTO_JSON json_t *json = json_parse(line, strlen(line), "the line", &error);
        assert_non_null(json);
        lines++;
    }
    assert_int_equal(lines, 600);
}

static void test_names(void **state)
{
    enum log_level level = LOG_INFO;
    enum log_format format = LOG_FORMAT_TEXT;

    (void)state;
    assert_true(log_level_parse("warning", &level));
    assert_int_equal(level, LOG_WARNING);
    assert_false(log_level_parse("WARNING", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_WARNING);
    assert_true(log_format_parse("json", &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_format_parse("yaml", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_lines), cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_text_lines), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
