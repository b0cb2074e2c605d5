/* Read by clang-tidy before each file (see tools/check-tidy): what it cannot know across files. A
 * call that returns error_set() or error_wrap() has failed, so that the outputs it left untouched
 * are not used; without this the analyzer warns of their use. */
#include "base/error.h"

#define error_set(...)  ((void)error_set(__VA_ARGS__), -1)
#define error_wrap(...) ((void)error_wrap(__VA_ARGS__), -1)
