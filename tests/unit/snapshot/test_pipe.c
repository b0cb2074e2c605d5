/* The pipe: all comes out as it went in, and failures go back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "snapshot/pipe.h"

struct end {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open; /* It takes nothing before. */
    uint64_t taken, fails_at;
    uint32_t state;
    bool differs;
};

static void end_init(struct end *end, bool open)
{
    *end = (struct end){.open = open, .fails_at = UINT64_MAX, .state = 1};
    pthread_mutex_init(&end->lock, NULL);
    pthread_cond_init(&end->changed, NULL);
}

static unsigned char byte_of(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (unsigned char)(*state >> 24);
}

static int take(void *context, const void *data, size_t size, struct error *error)
{
    struct end *end = context;
    const unsigned char *bytes = data;

    pthread_mutex_lock(&end->lock);
    while (!end->open) {
        pthread_cond_wait(&end->changed, &end->lock);
    }
    pthread_mutex_unlock(&end->lock);
    for (size_t i = 0; i < size; i++) {
        end->differs = end->differs || bytes[i] != byte_of(&end->state);
    }
    end->taken += size;
    return end->taken > end->fails_at ? error_set(error, ERROR_DENIED, "no more") : 0;
}

static void open_end(struct end *end)
{
    pthread_mutex_lock(&end->lock);
    end->open = true;
    pthread_cond_signal(&end->changed);
    pthread_mutex_unlock(&end->lock);
}

/* Writes pieces of uneven sizes. */
static int write_all(struct snapshot_pipe *pipe, uint64_t size, struct error *error)
{
    const struct snapshot_sink sink = snapshot_pipe_sink(pipe);
    AUTO_FREE unsigned char *piece = xmalloc(1000003);
    uint32_t state = 1;
    int result = 0;

    for (size_t n = 1; size && !result; n = n * 7 % 1000003) {
        n = n < size ? n : (size_t)size;
        for (size_t i = 0; i < n; i++) {
            piece[i] = byte_of(&state);
        }
        result = snapshot_sink_write(&sink, piece, n, error);
        size -= n;
    }
    return result;
}

static void test_all_comes_out(void **state)
{
    static const uint64_t sizes[] = {0, 1, SNAPSHOT_PIPE_SIZE, 3 * SNAPSHOT_PIPE_SIZE + 17};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct end end;
        struct error error = {0};
        end_init(&end, true);
        struct snapshot_pipe *pipe = snapshot_pipe_new((struct snapshot_sink){take, &end});
        assert_int_equal(write_all(pipe, sizes[i], &error), 0);
        assert_int_equal(snapshot_pipe_finish(pipe, &error), 0);
        assert_int_equal(end.taken, sizes[i]);
        assert_false(end.differs);
        snapshot_pipe_free(pipe);
    }
}

/* A full pipe is taken while the end takes nothing. */
static void test_does_not_wait_while_there_is_room(void **state)
{
    struct end end;
    struct error error = {0};

    (void)state;
    end_init(&end, false);
    struct snapshot_pipe *pipe = snapshot_pipe_new((struct snapshot_sink){take, &end});
    assert_int_equal(write_all(pipe, SNAPSHOT_PIPE_SIZE, &error), 0);
    open_end(&end);
    assert_int_equal(snapshot_pipe_finish(pipe, &error), 0);
    assert_int_equal(end.taken, SNAPSHOT_PIPE_SIZE);
    snapshot_pipe_free(pipe);
}

static void test_a_failure_goes_back(void **state)
{
    struct end end;
    struct error error = {0};

    (void)state;
    end_init(&end, true);
    end.fails_at = SNAPSHOT_PIPE_SIZE / 2;
    struct snapshot_pipe *pipe = snapshot_pipe_new((struct snapshot_sink){take, &end});
    assert_int_equal(write_all(pipe, 4 * SNAPSHOT_PIPE_SIZE, &error), -(int)ERROR_DENIED);
    assert_string_equal(error.message, "no more");
    error = (struct error){0};
    assert_int_equal(snapshot_pipe_finish(pipe, &error), -(int)ERROR_DENIED);
    assert_string_equal(error.message, "no more");
    assert_true(end.taken < SNAPSHOT_PIPE_SIZE);
    snapshot_pipe_free(pipe);
}

static void test_the_last_piece_may_fail(void **state)
{
    struct end end;
    struct error error = {0};

    (void)state;
    end_init(&end, false);
    end.fails_at = 0;
    struct snapshot_pipe *pipe = snapshot_pipe_new((struct snapshot_sink){take, &end});
    assert_int_equal(write_all(pipe, 1, &error), 0);
    open_end(&end);
    assert_int_equal(snapshot_pipe_finish(pipe, &error), -(int)ERROR_DENIED);
    snapshot_pipe_free(pipe);
}

static void test_given_up(void **state)
{
    struct end end;
    struct error error = {0};

    (void)state;
    end_init(&end, true);
    struct snapshot_pipe *pipe = snapshot_pipe_new((struct snapshot_sink){take, &end});
    assert_int_equal(write_all(pipe, 100, &error), 0);
    snapshot_pipe_free(pipe);
    assert_true(end.taken <= 100);
    snapshot_pipe_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_comes_out),
        cmocka_unit_test(test_does_not_wait_while_there_is_room),
        cmocka_unit_test(test_a_failure_goes_back),
        cmocka_unit_test(test_the_last_piece_may_fail),
        cmocka_unit_test(test_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
