#include "api/conditions.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static const char *const truths[] = {"True", "False", "Unknown", NULL};

const struct api_field api_condition_fields[] = {
    {.name = "type",
     .type = API_STRING,
     .documentation = "The condition's name.",
     .required = true,
     .minimum = 1,
     .maximum = 316},
    {.name = "status",
     .type = API_STRING,
     .documentation = "True, False or Unknown.",
     .required = true,
     .one_of = truths},
    {.name = "reason",
     .type = API_STRING,
     .documentation = "The name of the operator's rule behind it.",
     .required = true,
     .minimum = 1,
     .maximum = 1024},
    {.name = "message",
     .type = API_STRING,
     .documentation = "A sentence for a person.",
     .required = true,
     .maximum = API_MAX_MESSAGE},
    {.name = "lastTransitionTime",
     .type = API_TIME,
     .documentation = "When status changed last.",
     .required = true},
    {.name = "observedGeneration",
     .type = API_INT64,
     .documentation = "The metadata.generation that the condition is about."},
    {0}};

static const json_t *find_condition(const json_t *status, const char *type)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(status, "conditions"), i, item)
    {
        const char *name = json_path_string(item, "type", NULL);
        if (name && !strcmp(name, type)) {
            return item;
        }
    }
    return NULL;
}

json_t *conditions_encode(const char *const *names, const struct condition *conditions,
                          size_t length, const json_t *old, int64_t generation, int64_t now_wall_ms)
{
    json_t *json = json_array();

    for (size_t i = 0; i < length; i++) {
        const struct condition *condition = &conditions[i];
        const char *value = condition->is_unknown ? "Unknown"
                            : condition->status   ? "True"
                                                  : "False";
        const json_t *before = find_condition(old, names[i]);
        const char *old_value = json_path_string(before, "status", NULL);
        const char *since = json_path_string(before, "lastTransitionTime", NULL);
        char date[CLOCK_RFC3339_SIZE];

        if (!since || !old_value || strcmp(old_value, value) != 0) {
            since = clock_rfc3339(now_wall_ms, date, sizeof date);
        }
        json_array_append_new(json, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "type", names[i],
                                              "status", value, "reason", condition->reason,
                                              "message", condition->message, "lastTransitionTime",
                                              since, "observedGeneration", (json_int_t)generation));
    }
    return json;
}
