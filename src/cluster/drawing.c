#include "cluster/drawing.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

/* Each takes some 80 kB. Clusters that are at work come by again within moments; the others are
 * seldom looked at. */
#define MAX_DRAWINGS 4

struct drawings {
    pthread_mutex_t mutex;
    struct drawing *first; /* Given back last. */
};

void drawing_free(void *drawing)
{
    if (drawing) {
        for (int i = 0; i < MAX_CHILDREN; i++) {
            json_decref(((struct drawing *)drawing)->agreed[i]);
        }
        arena_free(((struct drawing *)drawing)->arena);
    }
}

bool drawing_agrees(const struct drawing *drawing, int child, const json_t *live)
{
    return drawing && live && drawing->agreed[child] == live;
}

void drawing_note_agreement(struct drawing *drawing, int child, json_t *live)
{
    if (drawing) {
        json_decref(drawing->agreed[child]);
        drawing->agreed[child] = json_incref(live);
    }
}

struct drawings *drawings_new(void)
{
    struct drawings *drawings = xcalloc(1, sizeof *drawings);
    pthread_mutex_init(&drawings->mutex, NULL);
    return drawings;
}

void drawings_free(struct drawings *drawings)
{
    for (struct drawing *drawing = drawings->first, *next; drawing; drawing = next) {
        next = drawing->next;
        drawing_free(drawing);
    }
    pthread_mutex_destroy(&drawings->mutex);
    free(drawings);
}

struct drawing *drawings_take(struct drawings *drawings, const char *uid)
{
    pthread_mutex_lock(&drawings->mutex);
    struct drawing **link = &drawings->first;
    while (*link && strcmp((*link)->uid, uid) != 0) {
        link = &(*link)->next;
    }
    struct drawing *drawing = *link;
    if (drawing) {
        *link = drawing->next;
    }
    pthread_mutex_unlock(&drawings->mutex);
    return drawing;
}

void drawings_give(struct drawings *drawings, struct drawing *drawing)
{
    if (!drawing) {
        return;
    }
    pthread_mutex_lock(&drawings->mutex);
    drawing->next = drawings->first;
    drawings->first = drawing;
    struct drawing **link = &drawings->first;
    for (int i = 0; i < MAX_DRAWINGS && *link; i++) {
        link = &(*link)->next;
    }
    struct drawing *last = *link;
    *link = NULL;
    pthread_mutex_unlock(&drawings->mutex);
    drawing_free(last);
}
