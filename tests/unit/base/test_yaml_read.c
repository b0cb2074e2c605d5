/* The reader of YAML: what becomes of values, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/yaml_read.h"

static void expect(const char *yaml, const char *wanted)
{
    struct error error = {0};
    AUTO_JSON json_t *json = yaml_read(yaml, strlen(yaml), "the text", NULL, &error);

    if (!json) {
        fail_msg("%s", error.message);
    }
    AUTO_FREE char *text = json_canonical(json);
    assert_string_equal(text, wanted);
}

static void refuse(const char *yaml, size_t size, const char *message)
{
    struct error error = {0};

    assert_null(yaml_read(yaml, size, "the text", NULL, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_memory_equal(error.message, "the text", strlen("the text"));
    if (!strstr(error.message, message)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
}

static void refuse_text(const char *yaml, const char *message)
{
    refuse(yaml, strlen(yaml), message);
}

static void test_values(void **state)
{
    (void)state;
    expect("a: 1\nb: true\nc: [x, 'null', null, ~]\nd:\ne: \"\"\nf:\n  g: |\n    two\n    lines\n",
           "{\"a\":\"1\",\"b\":\"true\",\"c\":[\"x\",\"null\",null,null],\"d\":null,\"e\":\"\","
           "\"f\":{\"g\":\"two\\nlines\\n\"}}");
    expect("{\"json\": [\"is\", {\"yaml\": \"too\\/\"}]}",
           "{\"json\":[\"is\",{\"yaml\":\"too/\"}]}");
    expect("", "{}");
    expect("# only words\n", "{}");
    expect("a: &x {b: c}\nd: *x\n", "{\"a\":{\"b\":\"c\"},\"d\":{\"b\":\"c\"}}");
}

static void test_refusals(void **state)
{
    (void)state;
    refuse_text("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands here for the second time");
    refuse_text("a: 1\n\tb: 2\n", "line 2: this is no YAML");
    refuse_text("a: [1\n", "this is no YAML");
    refuse_text("? [a]\n: b\n", "line 1: a key is no plain text");
    refuse_text("a: \"x\\0y\"\n", "line 1: a text has a NUL in it");
    refuse_text("a: 1\n---\nb: 2\n", "several documents");
    refuse_text("a: *nobody\n", "this is no YAML");
    refuse_text("a: \xff\n", "this is no YAML");
}

static void test_limits(void **state)
{
    AUTO_BUFFER struct buffer deep = {0}, laughs = {0}, large = {.limit = 0};

    (void)state;
    for (int i = 0; i <= YAML_READ_MAX_DEPTH + 1; i++) {
        buffer_printf(&deep, "[");
    }
    for (int i = 0; i <= YAML_READ_MAX_DEPTH + 1; i++) {
        buffer_printf(&deep, "]");
    }
    refuse(deep.data, deep.size, "nested too deeply");
    refuse_text("a: &a [*a]\n", "nested too deeply");
    /* Each line has ten times the values of the one before. */
    buffer_printf(&laughs, "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        buffer_printf(&laughs, "b%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    refuse(laughs.data, laughs.size, "too many values");
    while (large.size <= YAML_READ_MAX_SIZE) {
        buffer_printf(&large, "# %1000d\n", 0);
    }
    refuse(large.data, large.size, "bytes are not read");
}

static void test_lines(void **state)
{
    static const char text[] = "# first\na: 1\n\nb: |\n  x\n  y\nc: 3\n";
    struct error error = {0};
    json_t *lines = NULL;
    AUTO_JSON json_t *json = yaml_read(text, strlen(text), "the text", &lines, &error);

    (void)state;
    assert_non_null(json);
    AUTO_FREE char *found = json_canonical(lines);
    json_decref(lines);
    assert_string_equal(found, "{\"a\":2,\"b\":4,\"c\":7}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
