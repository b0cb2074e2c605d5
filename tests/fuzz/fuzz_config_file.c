/* Feeds the operator's configuration file: what is taken must be within the options' bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "manager/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(manager_options_fini)
    struct manager_options options = {
        .workers = 1, .resync_ms = 10000, .api_per_second = 1, .api_burst = 1};
    struct error error = {0};

    if (config_file_apply((const char *)data, size, "f", &options, &error)) {
        if (error.kind != ERROR_INVALID || !*error.message) {
            abort();
        }
        return 0;
    }
    if (!options.workers || options.workers > 64 || options.resync_ms < 10000 ||
        !options.api_per_second || !options.api_burst) {
        abort();
    }
    return 0;
}
